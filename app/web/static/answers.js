/** What each model answers, side by side. */

import { element, percent } from "./elements.js";
import { plain } from "./words.js";

/** Fills `target` with a card for each model; returns the place for its reasons, by the name of each model that answered. */
export function fill(target, models, truth) {
  const reasons = {};
  target.replaceChildren(
    ...Object.entries(models).map(([name, answer], place) => {
      const title = element("h3", { id: `answer-${place}` }, name);
      const card = element("article", { className: "card", "aria-labelledby": title.id }, title);
      if (answer.detail) {
        card.append(element("p", { className: "problem" }, plain(answer.detail)));
        return card;
      }
      title.append(element("small", {}, ` version ${answer.version}`));
      reasons[name] = element("div", { className: "reason" });
      card.append(verdict(answer, truth), ...warnings(answer), bars(answer), reasons[name]);
      return card;
    }),
  );
  return reasons;
}

/** All answers in a sentence, for a screen reader and for whoever only glances. */
export function sentence(models, truth) {
  const said = Object.entries(models).filter(([, answer]) => answer.label);
  if (!said.length) return "No model can answer now: their cards say why.";
  const labels = new Set(said.map(([, answer]) => answer.label));
  const all =
    said.length > 1 && labels.size === 1
      ? `${said.length === Object.keys(models).length ? "All" : "The other"} ${said.length} models say ${[...labels][0]}.`
      : said.map(([name, answer]) => `${name} says ${answer.label}, ${percent(answer.confidence, 0)}.`).join(" ");
  return truth ? `${all} It is in truth: ${truth}.` : all;
}

function verdict({ label, confidence }, truth) {
  const right = truth ? element("span", { className: label === truth ? "right" : "wrong" }, label === truth ? " right" : " wrong") : null;
  return element("p", { className: "verdict" }, element("strong", {}, label), ` ${percent(confidence)}`, right);
}

function warnings({ warnings: sentences }) {
  return sentences.length
    ? [
        element(
          "ul",
          { className: "warnings", "aria-label": "Warnings" },
          sentences.map((each) => element("li", {}, plain(each))),
        ),
      ]
    : [];
}

function bars({ label: best, probabilities }) {
  const rows = Object.entries(probabilities).map(([label, probability]) => {
    const bar = element("span", { className: "bar" });
    bar.style.setProperty("--share", probability);
    return element(
      "tr",
      { className: label === best ? "best" : "" },
      element("th", { scope: "row" }, label),
      element("td", { className: "track" }, bar),
      element("td", {}, percent(probability)),
    );
  });
  return element(
    "table",
    { className: "bars" },
    element("caption", { className: "unseen" }, "Probability of each kind"),
    element("tbody", {}, rows),
  );
}
