/** The view of the test images that a model gets wrong, most confident first, with what each model says of them. */

import { choice, element, percent } from "./elements.js";
import { spriteOf, stored } from "./evidence.js";
import { showCell } from "./picture.js";

const AT_ONCE = 48;
const ANY = "";
let update = null;

/** Shows what the address asks for: `model`, the `true` and `predicted` class, and `alone` for those that only this model gets wrong. */
export async function show(content, query) {
  const mistakes = await stored("/mistakes");
  update ??= fill(content, mistakes);
  update(query);
}

/** Makes the view once; what it returns shows the images for a query. */
function fill(content, mistakes) {
  const names = Object.keys(mistakes.models).sort((one, other) => wrong(mistakes, one).length - wrong(mistakes, other).length);
  const kinds = [[ANY, "any"], ...mistakes.labels.map((label) => [label, label])];
  const choices = {
    model: ["Model", names.map((name) => [name, name])],
    true: ["It is", kinds],
    predicted: ["The model says", kinds],
    alone: [
      "Show",
      [
        [ANY, "all"],
        ["1", "those that only this model gets wrong"],
      ],
    ],
  };
  const labelled = Object.entries(choices).map(([name, [text, options]]) =>
    choice(`mistakes-${name}`, text, options, options[0][0], changed),
  );
  const selects = Object.fromEntries(Object.keys(choices).map((name, place) => [name, labelled[place].querySelector("select")]));
  const status = element("p", { role: "status" });
  const list = element("ul", { className: "pictures" });
  const more = element("button", { type: "button" });
  content.replaceChildren(element("div", {}, labelled), status, list, more);

  function changed() {
    const chosen = Object.entries(selects).map(([name, select]) => [name, select.value]);
    const query = new URLSearchParams(chosen.filter(([, value]) => value !== ANY));
    history.replaceState(null, "", `#mistakes?${query}`);
    showImages(query);
  }
  function showImages(query) {
    const model = query.get("model") ?? names[0];
    for (const [name, select] of Object.entries(selects)) select.value = name === "model" ? model : (query.get(name) ?? ANY);
    if (!names.includes(model)) {
      status.textContent = `The images that ${model} gets wrong are not stored: choose another model.`;
      list.replaceChildren();
      more.hidden = true;
      return;
    }
    const wanted = {
      model,
      true: mistakes.labels.indexOf(query.get("true")),
      predicted: mistakes.labels.indexOf(query.get("predicted")),
      alone: query.get("alone") === "1",
    };
    const found = find(mistakes, wanted);
    status.textContent = sentence(found.length, wanted, mistakes);
    list.replaceChildren();
    more.onclick = () => grow(found)?.querySelector("a").focus();
    grow(found);
  }
  /** Shows the next images; the first of them. */
  function grow(found) {
    const from = list.children.length;
    list.append(...found.slice(from, from + AT_ONCE).map((position) => item(mistakes, position, names)));
    const left = found.length - list.children.length;
    more.textContent = `Show ${Math.min(left, AT_ONCE)} more of ${left}`;
    more.hidden = left === 0;
    return list.children[from];
  }
  return showImages;
}

/** The positions of the images that a model gets wrong. */
function wrong(mistakes, model) {
  const { predicted } = mistakes.models[model];
  return mistakes.true.map((_, position) => position).filter((position) => predicted[position] !== mistakes.true[position]);
}

/** The positions of the images that are wanted, most confident first. */
function find(mistakes, wanted) {
  const { predicted, confidence } = mistakes.models[wanted.model];
  const others = Object.entries(mistakes.models).filter(([name]) => name !== wanted.model);
  const alone = (position) => others.every(([, answers]) => answers.predicted[position] === mistakes.true[position]);
  const positions = isDiagonal(wanted) ? mistakes.true.map((_, position) => position) : wrong(mistakes, wanted.model);
  return positions
    .filter((position) => wanted.true < 0 || mistakes.true[position] === wanted.true)
    .filter((position) => wanted.predicted < 0 || predicted[position] === wanted.predicted)
    .filter((position) => !wanted.alone || isDiagonal(wanted) || alone(position))
    .sort((one, other) => confidence[other] - confidence[one]);
}

/** Whether a cell of the confusion matrix's diagonal is asked for, where the model is right. */
function isDiagonal(wanted) {
  return wanted.true >= 0 && wanted.true === wanted.predicted;
}

function sentence(count, wanted, { labels }) {
  const images = `${count.toLocaleString("en")} test image${count === 1 ? "" : "s"}${wanted.true < 0 ? "" : ` of ${labels[wanted.true]}`}`;
  if (isDiagonal(wanted)) return `${images} that ${wanted.model} gets right and another model does not, the surest first.`;
  const who = wanted.alone ? `only ${wanted.model}` : wanted.model;
  const what = wanted.predicted < 0 ? "gets wrong" : `${wanted.alone ? "gets wrong and takes" : "takes"} for ${labels[wanted.predicted]}`;
  return `${images} that ${who} ${what}${count ? ", the surest mistakes first" : ""}.`;
}

function item(mistakes, position, names) {
  const truth = mistakes.labels[mistakes.true[position]];
  const index = mistakes.test_index[position];
  const picture = element("span", { className: "sprite", role: "img", "aria-label": `Test image ${index}` });
  showCell(picture, spriteOf(mistakes), mistakes.columns, Math.ceil(mistakes.true.length / mistakes.columns), position);
  const verdicts = names.flatMap((name) => {
    const { predicted, confidence } = mistakes.models[name];
    const right = predicted[position] === mistakes.true[position];
    const said = element("span", { className: right ? "right" : "wrong" }, mistakes.labels[predicted[position]]);
    return [element("dt", {}, name), element("dd", {}, said, ` ${percent(confidence[position], 0)}`)];
  });
  return element(
    "li",
    {},
    picture,
    element("p", {}, "It is: ", element("strong", {}, truth)),
    element("dl", {}, verdicts),
    element("a", { href: `#try?test=${index}`, "aria-label": `Try it: test image ${index}` }, "Try it"),
  );
}
