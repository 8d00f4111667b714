/** The view that holds the models against each other: who is better, how surely, where, and how they came to it. */

import { calibration, interval, precisionRecall, roc, training } from "./charts.js";
import { byClass } from "./classes.js";
import { confusion } from "./confusion.js";
import { choice, element } from "./elements.js";
import { ranked, stored } from "./evidence.js";
import { verdict } from "./verdict.js";

let filled = false;

/** Fills the view at its first showing. */
export async function show(content) {
  if (filled) return;
  const metrics = await stored("/metrics");
  const models = ranked(metrics);
  if (!models.length) {
    content.replaceChildren(element("p", {}, "No model is served now: GET /models says why."));
    return;
  }
  const { labels } = metrics.dataset;
  const worst = lowest(models[0][1].test.per_class);
  content.replaceChildren(
    part("In short", ...verdict(metrics, models), await interval(models)),
    part("Which model for which kind?", byClass(models, labels)),
    part(
      "What is taken for what",
      ...(await chosen(
        "confusion-model",
        "Model",
        models.map(([name]) => name),
        models[0][0],
        (name) => confusion(name, metrics.models[name].test.confusion_matrix, labels),
      )),
    ),
    part(
      "Telling one kind from the rest",
      ...(await chosen("curve-class", "Kind", labels, worst, async (label) =>
        element("div", { className: "cards" }, await roc(models, label), await precisionRecall(models, label)),
      )),
    ),
    part(
      "Do they know how sure they are?",
      element(
        "p",
        {},
        "Of the answers given with 80 % confidence, 80 % should be right: the points should lie on the line. " +
          "A circle is before calibration, a dot after it, as served.",
      ),
      await calibration(models),
    ),
    part(
      "How they learned",
      element("p", {}, "Training images are distorted while a model learns, so it may be right on fewer of them than on those held out."),
      await training(models),
    ),
    part("All of it", links(models)),
  );
  filled = true;
}

function part(title, ...children) {
  return element("section", { "aria-label": title }, element("h2", {}, title), children);
}

/** A choice, and below it what `make` makes of the one chosen. */
async function chosen(id, title, values, first, make) {
  const place = element("div", {}, await make(first));
  const select = choice(
    id,
    title,
    values.map((value) => [value, value]),
    first,
    async (value) => place.replaceChildren(await make(value)),
  );
  return [select, place];
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
      element("a", { href: "/comparison" }, "The models against each other"),
      ": every test, study and robustness curve on one page",
    ),
    models.map(([name, { version }]) =>
      element(
        "li",
        {},
        element("a", { href: `/models/${encodeURIComponent(name)}/versions/${version}/report` }, `The report of ${name} ${version}`),
      ),
    ),
    element("li", {}, element("a", { href: "/metrics" }, "GET /metrics"), ", the figures of this page as JSON"),
  );
}
