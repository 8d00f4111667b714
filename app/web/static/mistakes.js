/** The view of the test images that a model gets wrong, most confident first, with what each model says of them. */

import { choice, element, percent } from "./elements.js";
import { stored } from "./evidence.js";
import { showCell } from "./picture.js";

const SPRITE = "/mistakes/sprite";
const AT_ONCE = 48;
const ANY = "";

/** Shows what the address asks for: `model`, the `true` and `predicted` class, and `alone` for those that only this model gets wrong. */
export async function show(content, query) {
  const mistakes = await stored("/mistakes");
  const names = Object.keys(mistakes.models);
  const wanted = {
    model: names.includes(query.get("model")) ? query.get("model") : names[0],
    true: mistakes.labels.indexOf(query.get("true")),
    predicted: mistakes.labels.indexOf(query.get("predicted")),
    alone: query.get("alone") === "1",
  };
  const found = find(mistakes, wanted);
  const go = (change) => {
    const values = {
      model: wanted.model,
      true: query.get("true") ?? ANY,
      predicted: query.get("predicted") ?? ANY,
      alone: wanted.alone ? "1" : ANY,
      ...change,
    };
    location.hash = `mistakes?${new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ANY))}`;
  };
  const kinds = [[ANY, "any"], ...mistakes.labels.map((label) => [label, label])];
  const focused = document.activeElement?.id; // a changed choice makes all anew
  content.replaceChildren(
    element(
      "div",
      {},
      choice(
        "mistakes-model",
        "Model",
        names.map((name) => [name, name]),
        wanted.model,
        (model) => go({ model }),
      ),
      choice("mistakes-true", "It is", kinds, query.get("true") ?? ANY, (label) => go({ true: label })),
      choice("mistakes-predicted", "The model says", kinds, query.get("predicted") ?? ANY, (label) => go({ predicted: label })),
      choice(
        "mistakes-alone",
        "Show",
        [
          [ANY, "all"],
          ["1", "those that only this model gets wrong"],
        ],
        wanted.alone ? "1" : ANY,
        (alone) => go({ alone }),
      ),
    ),
    element("p", { role: "status" }, sentence(found.length, wanted, mistakes)),
    list(mistakes, found, names),
  );
  if (focused && content.contains(document.getElementById(focused))) document.getElementById(focused).focus();
}

/** The positions of the images that are wanted, most confident first. */
function find(mistakes, wanted) {
  const { predicted, confidence } = mistakes.models[wanted.model];
  const right = (answers, position) => answers.predicted[position] === mistakes.true[position];
  const others = Object.entries(mistakes.models)
    .filter(([name]) => name !== wanted.model)
    .map(([, answers]) => answers);
  return mistakes.true
    .map((_, position) => position)
    .filter((position) => isDiagonal(wanted) || predicted[position] !== mistakes.true[position])
    .filter((position) => wanted.true < 0 || mistakes.true[position] === wanted.true)
    .filter((position) => wanted.predicted < 0 || predicted[position] === wanted.predicted)
    .filter((position) => !wanted.alone || others.every((answers) => right(answers, position)))
    .sort((one, other) => confidence[other] - confidence[one]);
}

/** Whether a cell of the confusion matrix's diagonal is asked for, where the model is right. */
function isDiagonal(wanted) {
  return wanted.true >= 0 && wanted.true === wanted.predicted;
}

function sentence(count, wanted, mistakes) {
  const images = `${count.toLocaleString("en")} test image${count === 1 ? "" : "s"}`;
  if (isDiagonal(wanted))
    return `${images} of ${mistakes.labels[wanted.true]} that ${wanted.model} gets right and another model does not, the surest first.`;
  return `${images} that ${wanted.alone ? `only ${wanted.model}` : wanted.model} gets wrong${count ? ", the surest mistakes first" : ""}.`;
}

function list(mistakes, found, names) {
  const place = element("ul", { className: "pictures" });
  const more = element("button", { type: "button", onclick: () => grow(true) }, "");
  function grow(asked) {
    const from = place.children.length;
    place.append(...found.slice(from, from + AT_ONCE).map((position) => item(mistakes, position, names)));
    const left = found.length - place.children.length;
    more.textContent = `Show ${Math.min(left, AT_ONCE)} more of ${left}`;
    more.hidden = left === 0;
    if (asked) place.children[from]?.querySelector("a").focus();
  }
  grow(false);
  return element("div", {}, place, more);
}

function item(mistakes, position, names) {
  const truth = mistakes.labels[mistakes.true[position]];
  const index = mistakes.test_index[position];
  const picture = element("span", { className: "sprite", role: "img", "aria-label": `Test image ${index}` });
  showCell(picture, SPRITE, mistakes.columns, Math.ceil(mistakes.true.length / mistakes.columns), position);
  const verdicts = names.flatMap((name) => {
    const { predicted, confidence } = mistakes.models[name];
    const right = predicted[position] === mistakes.true[position];
    return [
      element("dt", {}, name),
      element(
        "dd",
        {},
        element("span", { className: right ? "right" : "wrong" }, mistakes.labels[predicted[position]]),
        ` ${percent(confidence[position], 0)}`,
      ),
    ];
  });
  return element(
    "li",
    {},
    picture,
    element("strong", {}, truth),
    element("dl", {}, verdicts),
    element(
      "a",
      {
        href: `#try?${new URLSearchParams({ columns: mistakes.columns, position, truth, index })}`,
        "aria-label": `Try test image ${index}`,
      },
      "Try it",
    ),
  );
}
