/** A table of the kinds of garment by model, to be sorted: which model to trust for shirts. */

import { choice, element } from "./elements.js";
import { pairedTest } from "./evidence.js";

const FIGURES = [
  ["f1", "F1"],
  ["precision", "Precision: how many of those it names are right"],
  ["recall", "Recall: how many of them it finds"],
  ["roc_auc", "ROC AUC"],
  ["average_precision", "Average precision"],
];

/** The table, with a choice of the figure; a column's title sorts by it. */
export function byClass(metrics, models) {
  const { labels } = metrics.dataset;
  let figure = "f1";
  let order = { column: models[0][0], ascending: true };
  const place = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Figures of each kind" });
  const value = (report, label) => report.test.per_class[label]?.[figure];

  function fill() {
    const sorted = [...labels].sort((one, other) => {
      const key = (label) => (order.column ? (value(Object.fromEntries(models)[order.column], label) ?? -1) : labels.indexOf(label));
      return (key(one) - key(other)) * (order.ascending ? 1 : -1);
    });
    place.replaceChildren(
      element(
        "table",
        { className: "figures" },
        element("caption", { className: "unseen" }, "Figures of each kind by model; the best of a row is bold"),
        element(
          "thead",
          {},
          element(
            "tr",
            {},
            heading("Kind", null),
            models.map(([name]) => heading(name, name)),
            element("th", { scope: "col" }, "Is the best one surely better at finding it?"),
          ),
        ),
        element("tbody", {}, sorted.map(row)),
      ),
    );
  }
  function row(label) {
    const values = models.map(([, report]) => value(report, label));
    const best = Math.max(...values.filter((each) => each !== undefined));
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, label),
      values.map((each) => element("td", { className: each === best ? "top" : "" }, each === undefined ? "" : each.toFixed(4))),
      element("td", {}, certainty(label, values)),
    );
  }
  /** Whether the best model of a row finds significantly more of the class than the next one. */
  function certainty(label, values) {
    const ranking = models.map(([name], place) => [name, values[place] ?? -1]).sort(([, one], [, other]) => other - one);
    const p = pairedTest(
      metrics,
      ranking.slice(0, 2).map(([name]) => name),
    )?.per_class?.[label]?.holm_p_value;
    if (p === undefined) return "not measured";
    return `${p < 0.05 ? "yes" : "can't be told"} (p ${p < 0.0001 ? "< 0.0001" : `= ${p.toFixed(4)}`})`;
  }
  function heading(text, column) {
    const sorted = order.column === column ? (order.ascending ? "ascending" : "descending") : "none";
    return element(
      "th",
      { scope: "col", "aria-sort": sorted },
      element(
        "button",
        {
          type: "button",
          onclick: () => {
            order = { column, ascending: order.column === column ? !order.ascending : true };
            fill();
            place.querySelector(`th:nth-child(${column === null ? 1 : 2 + models.findIndex(([name]) => name === column)}) button`).focus();
          },
        },
        text,
      ),
    );
  }
  fill();
  return element(
    "div",
    {},
    element(
      "p",
      {},
      "The best of a row is green. Whether that is sure: McNemar's exact test on the images of a kind, by Holm's correction for ten.",
    ),
    choice("class-figure", "Figure", FIGURES, figure, (chosen) => {
      figure = chosen;
      fill();
    }),
    place,
  );
}
