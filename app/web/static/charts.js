/** The charts, by Observable Plot, which is loaded with the first of them. */

import { element, percent } from "./elements.js";

const DASHES = ["none", "6 3", "2 3", "8 3 2 3"];
const colour = (place) => `var(--model-${place % DASHES.length})`;
let library;

async function plot(options) {
  library ??= import("./vendor/d3/d3.min.js").then(() => import("./vendor/plot/plot.umd.min.js"));
  await library.catch((problem) => {
    library = undefined;
    throw problem;
  });
  const { Plot } = globalThis;
  const chart = Plot.plot({
    marginLeft: 50,
    marginBottom: 42,
    style: { background: "transparent", fontSize: "12px", fontFamily: "inherit" },
    ...options(Plot),
  });
  chart.setAttribute("role", "img");
  for (const mark of chart.querySelectorAll("[aria-label]")) {
    // inside of a picture nothing has a name
    mark.dataset.mark = mark.getAttribute("aria-label");
    mark.removeAttribute("aria-label");
  }
  return chart;
}

/** A chart in a frame that it fills; on a narrow screen it shrinks. */
async function framed(chart) {
  return element("div", { className: "chart" }, await chart);
}

function legend(models) {
  return element(
    "ul",
    { className: "legend" },
    models.map(([name], place) => {
      const item = element("li", {}, name);
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("width", "28");
      svg.setAttribute("height", "8");
      svg.setAttribute("aria-hidden", "true");
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      for (const [key, value] of Object.entries({
        x1: 0,
        x2: 28,
        y1: 4,
        y2: 4,
        stroke: colour(place),
        "stroke-width": 2.5,
        "stroke-dasharray": DASHES[place % DASHES.length],
      }))
        line.setAttribute(key, value);
      svg.append(line);
      item.prepend(svg);
      return item;
    }),
  );
}

/** Accuracy of each model with its interval. */
export function interval(models) {
  const rows = models.map(([name, { test }]) => ({ name, value: test.accuracy, ...test.intervals?.accuracy }));
  return framed(
    plot((Plot) => ({
      ariaLabel: `Accuracy on the test images with 95 % intervals: ${rows.map(({ name, value }) => `${name} ${value}`).join(", ")}`,
      width: 640,
      height: 70 + 40 * rows.length,
      marginLeft: 80,
      insetLeft: 10,
      insetRight: 10,
      x: { label: "Accuracy on the test images, with its 95 % interval", tickFormat: ".1%", grid: true },
      y: { label: null, domain: rows.map(({ name }) => name) },
      marks: [
        Plot.ruleY(
          rows.filter(({ low }) => low !== undefined),
          { y: "name", x1: "low", x2: "high", strokeWidth: 3, stroke: (row) => colour(rows.indexOf(row)) },
        ),
        Plot.dot(rows, { x: "value", y: "name", r: 6, fill: (row) => colour(rows.indexOf(row)) }),
        Plot.text(rows, { x: "value", y: "name", dy: -14, text: ({ value }) => percent(value, 2) }),
      ],
    })),
  );
}

/** Of one class, every model's ROC curve. */
export function roc(models, label) {
  return curves(
    models,
    `ROC: ${label}`,
    ({ roc_curves: all }) => all?.[label],
    ["false_positive_rate", "True share of the others taken for it"],
    ["true_positive_rate", "Share of it that is found"],
    { x: { domain: [0, 0.2] }, y: { domain: [0.6, 1] } },
    "The upper left corner, where the models differ.",
  );
}

/** Of one class, every model's precision-recall curve. */
export function precisionRecall(models, label) {
  return curves(
    models,
    `Precision and recall: ${label}`,
    ({ precision_recall_curves: all }) => all?.[label],
    ["recall", "Share of it that is found (recall)"],
    ["precision", "Share that is right (precision)"],
    { x: { domain: [0, 1] }, y: { domain: [0, 1] } },
    "",
  );
}

async function curves(models, title, curve, [x, xLabel], [y, yLabel], scales, note) {
  const chart = await framed(
    plot((Plot) => ({
      ariaLabel: title,
      width: 420,
      height: 360,
      clip: true,
      x: { label: xLabel, grid: true, ...scales.x },
      y: { label: yLabel, grid: true, ...scales.y },
      marks: models.map(([, report], place) => {
        const points = curve(report);
        return points
          ? Plot.line(
              points[x].map((value, index) => [value, points[y][index]]),
              { stroke: colour(place), strokeWidth: 2, strokeDasharray: DASHES[place % DASHES.length], clip: true },
            )
          : null;
      }),
    })),
  );
  return element("figure", { className: "card" }, element("figcaption", {}, `${title}. ${note}`), legend(models), chart);
}

/** Confidence against accuracy, before and after calibration, a chart for each model. */
export async function calibration(models) {
  const measured = models.filter(([, report]) => report.calibration);
  return element(
    "div",
    { className: "cards" },
    await Promise.all(
      measured.map(
        async ([
          name,
          {
            calibration: { before, after },
          },
        ]) => {
          const chart = await framed(
            plot((Plot) => ({
              ariaLabel: `${name}: confidence and accuracy; calibration error ${before.ece} before, ${after.ece} after`,
              width: 360,
              height: 320,
              x: { domain: [0.3, 1], label: "Confidence", grid: true },
              y: { domain: [0.3, 1], label: "Share that is right", grid: true },
              marks: [
                Plot.line(
                  [
                    [0.3, 0.3],
                    [1, 1],
                  ],
                  { stroke: "currentColor", strokeOpacity: 0.4 },
                ),
                Plot.dot(before.bins, {
                  x: "confidence",
                  y: "accuracy",
                  stroke: colour(models.findIndex(([each]) => each === name)),
                  clip: true,
                }),
                Plot.dot(after.bins, {
                  x: "confidence",
                  y: "accuracy",
                  fill: colour(models.findIndex(([each]) => each === name)),
                  clip: true,
                }),
              ],
            })),
          );
          return element(
            "figure",
            { className: "card" },
            element("figcaption", {}, `${name}: calibration error ${before.ece.toFixed(4)} before, ${after.ece.toFixed(4)} after`),
            chart,
          );
        },
      ),
    ),
  );
}

/** Accuracy by epoch on the images trained with and on those held out, a chart for each model. */
export async function training(models) {
  const recorded = models.filter(([, report]) => report.history?.val_accuracy);
  return element(
    "div",
    { className: "cards" },
    await Promise.all(
      recorded.map(async ([name, { history }]) => {
        const points = (figure) => history[figure].map((value, index) => [index + 1, value]);
        const chart = await framed(
          plot((Plot) => ({
            ariaLabel: `${name}: accuracy by epoch`,
            width: 360,
            height: 280,
            x: { label: "Epoch", grid: true },
            y: { label: "Accuracy", grid: true, tickFormat: ".0%" },
            marks: [
              Plot.line(points("accuracy"), { stroke: colour(0), strokeDasharray: "6 3", strokeWidth: 2 }),
              Plot.line(points("val_accuracy"), { stroke: colour(1), strokeWidth: 2 }),
            ],
          })),
        );
        return element(
          "figure",
          { className: "card" },
          element("figcaption", {}, `${name}: training images dashed, validation images solid`),
          chart,
        );
      }),
    ),
  );
}
