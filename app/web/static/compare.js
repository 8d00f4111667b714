/** The view that holds the models against each other: who is better, how surely, where, and how they came to it. */

import { calibration, interval, precisionRecall, roc, training } from "./charts.js";
import { byClass } from "./classes.js";
import { confusion } from "./confusion.js";
import { choice, element } from "./elements.js";
import { ranked, stored } from "./evidence.js";
import { link } from "./links.js";
import { verdict } from "./verdict.js";

let building = null;

/** Fills the view at its first showing. */
export function show(content) {
  building ??= build(content).catch((problem) => {
    building = null;
    throw problem;
  });
  return building;
}

async function build(content) {
  const metrics = await stored("/metrics");
  const models = ranked(metrics);
  if (!models.length) {
    content.replaceChildren(element("p", {}, "No model is served now. ", link("/models", "models.json", "This list"), " says why."));
    return;
  }
  const { labels } = metrics.dataset;
  const names = models.map(([name]) => name);
  content.replaceChildren(
    part("In short", ...verdict(metrics, models), interval(models)),
    part("Which model for which kind?", byClass(metrics, models)),
    part(
      "What is taken for what",
      ...chosen("confusion-model", "Model", names, names[0], (name) => confusion(name, metrics.models[name].test.confusion_matrix, labels)),
    ),
    part(
      "Telling one kind from the rest",
      ...chosen("curve-class", "Kind", labels, lowest(models[0][1].test.per_class), (label) =>
        element("div", { className: "cards" }, roc(models, label), precisionRecall(models, label)),
      ),
    ),
    part(
      "Do they know how sure they are?",
      element(
        "p",
        {},
        "Of the answers given with 80 % confidence, 80 % should be right: the points should lie on the line. Dots are what is served.",
      ),
      calibration(models),
    ),
    part(
      "How they learned",
      element("p", {}, "Training images are distorted while a model learns, so it may be right on fewer of them than on those held out."),
      training(models),
    ),
    part("All of it", links(models)),
  );
}

function part(title, ...children) {
  return element("section", { "aria-label": title }, element("h2", {}, title), children);
}

/** A choice, and below it what `make` makes of the one chosen. */
function chosen(id, title, values, first, make) {
  const place = element("div", {}, make(first));
  const options = values.map((value) => [value, value]);
  return [choice(id, title, options, first, (value) => place.replaceChildren(make(value))), place];
}

function lowest(perClass) {
  return Object.keys(perClass).reduce((one, other) => (perClass[other].f1 < perClass[one].f1 ? other : one));
}

function links(models) {
  return element(
    "ul",
    {},
    element(
      "li",
      {},
      link("/comparison", "comparison.html", "The models against each other"),
      ": every test, study and robustness curve on one page",
    ),
    models.map(([name, { version }]) =>
      element(
        "li",
        {},
        link(
          `/models/${encodeURIComponent(name)}/versions/${version}/report`,
          `${name}-${version}.html`,
          `The report of ${name} ${version}`,
        ),
      ),
    ),
    element("li", {}, link("/metrics", "metrics.json", "GET /metrics"), ", the figures of this page as JSON"),
  );
}
