/** The charts of the comparison; what they show stands in the tables too, or in the evaluation that the page links to. */

import { element, percent } from "./elements.js";
import { served } from "./evidence.js";
import { chart } from "./plot.js";

const DASHES = ["none", "6 3", "2 3", "8 3 2 3"]; // so that colour is not all that tells the models apart
const MODELS = DASHES.length;
const colour = (place) => `var(--model-${place % MODELS})`;

/** Accuracy of each model with its interval. */
export function interval(models) {
  const rows = models.map(([name, { test }]) => ({ name, value: test.accuracy, ...test.intervals?.accuracy }));
  const label = `Accuracy on the test images: ${rows.map(({ name, value }) => `${name} ${percent(value, 2)}`).join(", ")}`;
  return chart(label, 640, 70 + 40 * rows.length, (Plot) => ({
    marginLeft: 80,
    insetLeft: 10,
    insetRight: 24,
    x: { label: "Accuracy, with its 95 % interval", tickFormat: ".1%", grid: true, ticks: 5 },
    y: { label: null, domain: rows.map(({ name }) => name) },
    marks: [
      Plot.ruleY(
        rows.filter(({ low }) => low !== undefined),
        { y: "name", x1: "low", x2: "high", strokeWidth: 3, stroke: (row) => colour(rows.indexOf(row)) },
      ),
      Plot.dot(rows, { x: "value", y: "name", r: 6, fill: (row) => colour(rows.indexOf(row)) }),
      Plot.text(rows, { x: "value", y: "name", dy: -14, text: ({ value }) => percent(value, 2) }),
    ],
  }));
}

/** Of one class, every model's ROC curve: the corner where the models differ. */
export function roc(models, label) {
  const curve = (report) => report.roc_curves?.[label];
  return curves(models, `ROC: ${label}`, "the upper left corner, where the models differ; area under the curve", "roc_auc", label, {
    x: { domain: [0, 0.2], label: "Share of the others taken for it" },
    y: { domain: [0.6, 1], label: "Share of it that is found" },
    points: (report) => zip(curve(report)?.false_positive_rate, curve(report)?.true_positive_rate),
  });
}

/** Of one class, every model's precision-recall curve. */
export function precisionRecall(models, label) {
  const curve = (report) => report.precision_recall_curves?.[label];
  return curves(models, `Precision and recall: ${label}`, "average precision", "average_precision", label, {
    x: { domain: [0, 1], label: "Share of it that is found (recall)" },
    y: { domain: [0, 1], label: "Share that is right (precision)" },
    points: (report) => zip(curve(report)?.recall, curve(report)?.precision),
  });
}

function curves(models, title, note, figure, label, { x, y, points }) {
  const areas = models.map(([name, { test }]) => `${name} ${test.per_class[label]?.[figure]?.toFixed(4) ?? ""}`);
  const drawn = chart(`${title}. ${areas.join(", ")}`, 420, 360, (Plot) => ({
    x: { grid: true, ...x },
    y: { grid: true, ...y },
    marks: models.map(([, report], place) =>
      Plot.line(points(report), { stroke: colour(place), strokeWidth: 2, strokeDasharray: DASHES[place % MODELS], clip: true }),
    ),
  }));
  return element("figure", { className: "card" }, element("figcaption", {}, `${title}; ${note}.`), legend(areas), drawn);
}

function legend(lines) {
  const line = (place) => element("span", { className: `line line-${place % MODELS}`, "aria-hidden": "true" });
  return element(
    "ul",
    { className: "legend" },
    lines.map((text, place) => element("li", {}, line(place), text)),
  );
}

/** Confidence against accuracy as served and, where a temperature was found, on its other side; a chart for each model. */
export function calibration(models) {
  return cards(models, ([name, report], place) => {
    if (!report.calibration) return null;
    const now = served(report);
    const other = report.calibration.in_graph ? report.calibration.before : report.calibration.after;
    const said = `calibration error ${now.ece.toFixed(4)} as served, ${other.ece.toFixed(4)} ${
      report.calibration.in_graph ? "before calibration" : "if it were calibrated"
    }`;
    const drawn = chart(`${name}: confidence and accuracy; ${said}`, 360, 320, (Plot) => ({
      x: { domain: [0.3, 1], label: "Confidence", grid: true },
      y: { domain: [0.3, 1], label: "Share that is right", grid: true },
      marks: [
        Plot.line([0.3, 1], { x: (each) => each, y: (each) => each, stroke: "currentColor", strokeOpacity: 0.4 }),
        Plot.dot(other.bins, { x: "confidence", y: "accuracy", stroke: colour(place), clip: true }),
        Plot.dot(now.bins, { x: "confidence", y: "accuracy", fill: colour(place), clip: true }),
      ],
    }));
    return element("figure", { className: "card" }, element("figcaption", {}, `${name}: ${said}`), drawn);
  });
}

/** Accuracy by epoch on the images trained with and on those held out, a chart for each model. */
export function training(models) {
  return cards(models, ([name, { history }], place) => {
    if (!history?.val_accuracy) return null;
    const points = (figure) => history[figure].map((value, index) => [index + 1, value]);
    const drawn = chart(`${name}: accuracy by epoch`, 360, 280, (Plot) => ({
      x: { label: "Epoch", grid: true },
      y: { label: "Accuracy", grid: true, tickFormat: ".0%" },
      marks: [
        Plot.line(points("accuracy"), { stroke: colour(place), strokeDasharray: "6 3", strokeWidth: 1.5 }),
        Plot.line(points("val_accuracy"), { stroke: colour(place), strokeWidth: 2 }),
      ],
    }));
    return element(
      "figure",
      { className: "card" },
      element("figcaption", {}, `${name}: training images dashed, validation images solid`),
      drawn,
    );
  });
}

function cards(models, make) {
  return element("div", { className: "cards" }, models.map(make));
}

function zip(one, other) {
  return (one ?? []).map((value, index) => [value, other[index]]);
}
