/** Which model is better and how sure that is, in sentences and a table made from the figures. */

import { element, percent } from "./elements.js";
import { pairedTest, served } from "./evidence.js";

/** The sentences about the best model and each pair, and a table of all models; `models` has the most accurate first. */
export function verdict(metrics, models) {
  const names = models.map(([name]) => name);
  const tests = names.flatMap((one, place) => names.slice(place + 1).map((other) => pairedTest(metrics, [one, other]))).filter(Boolean);
  const [[best, { test }]] = models;
  return [
    element(
      "p",
      { className: "lead" },
      `${best} is right most often: on ${count(test.correct)} of ${count(test.correct + test.incorrect)} test images.`,
    ),
    tests.length
      ? element(
          "ul",
          {},
          tests.map((each) => element("li", {}, pair(each))),
        )
      : element("p", {}, "How sure that is has not been measured for these versions: python -m training compare does it."),
    table(models),
  ];
}

function count(images) {
  return images.toLocaleString("en");
}

/** How surely one model is better than another, from their paired test. */
function pair({ one, other, mcnemar, differences }) {
  const { value, low, high } = differences.accuracy;
  const points = (share) => (100 * share).toFixed(2);
  const p = mcnemar.p_value;
  const sure =
    p < 0.05
      ? `${one.name} is better than ${other.name} by ${points(value)} points`
      : `${one.name} and ${other.name} can't be told apart: the difference is ${points(value)} points`;
  return (
    `${sure} (95 % interval ${points(low)} to ${points(high)}; McNemar's exact test p ${p < 0.0001 ? "< 0.0001" : `= ${p.toFixed(4)}`}). ` +
    `${one.name} alone is right on ${mcnemar.one_alone_right} images, ${other.name} alone on ${mcnemar.other_alone_right}.`
  );
}

function table(models) {
  const columns = [
    ["Accuracy", ({ test }) => percent(test.accuracy, 2)],
    [
      "95 % interval",
      ({ test: { intervals } }) => (intervals ? `${percent(intervals.accuracy.low, 2)} to ${percent(intervals.accuracy.high, 2)}` : ""),
    ],
    ["Macro F1", ({ test }) => test.macro_avg.f1.toFixed(4)],
    ["Loss", ({ test }) => test.loss.toFixed(4)],
    ["Calibration error", (report) => served(report)?.ece.toFixed(4) ?? ""],
    ["Parameters", ({ parameters }) => parameters.toLocaleString("en")],
  ];
  return element(
    "div",
    { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Figures of each model" },
    element(
      "table",
      { className: "figures" },
      element("caption", { className: "unseen" }, "Figures of each model on the test images"),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("th", { scope: "col" }, "Model"),
          columns.map(([title]) => element("th", { scope: "col" }, title)),
        ),
      ),
      element(
        "tbody",
        {},
        models.map(([name, report]) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, `${name} ${report.version}`),
            columns.map(([, figure]) => element("td", {}, figure(report))),
          ),
        ),
      ),
    ),
  );
}
