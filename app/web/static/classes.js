/** A table of the kinds of garment by model, to be sorted: which model to trust for shirts. */

import { choice, element } from "./elements.js";

const FIGURES = [
  ["f1", "F1"],
  ["precision", "Precision: how many of those it names are right"],
  ["recall", "Recall: how many of them it finds"],
  ["roc_auc", "ROC AUC"],
  ["average_precision", "Average precision"],
];

/** The table, with a choice of the figure; a column's title sorts by it. */
export function byClass(models, labels) {
  let figure = "f1";
  let order = { column: models[0][0], ascending: true };
  const place = element("div", { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Figures of each kind" });
  const value = (report, label) => report.test.per_class[label]?.[figure];

  function fill() {
    const sorted = labels.toSorted((one, other) => {
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
    );
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
    choice("class-figure", "Figure", FIGURES, figure, (chosen) => {
      figure = chosen;
      fill();
    }),
    place,
  );
}
