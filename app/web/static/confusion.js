/** A confusion matrix; a cell is a link to the images behind it. */

import { element } from "./elements.js";
import { roving } from "./roving.js";

/** The matrix of one model: a row for each true class, a column for each predicted one. Arrow keys move in it. */
export function confusion(model, matrix, labels) {
  const most = Math.max(1, ...matrix.flatMap((counts, row) => counts.filter((_, column) => column !== row)));
  const cells = matrix.map((counts, row) => counts.map((count, column) => cell(count, row, column)));
  function cell(count, row, column) {
    const right = row === column;
    const query = new URLSearchParams({ model, true: labels[row], predicted: labels[column] });
    const said = right ? `${count} ${labels[row]} taken for what they are` : `${count} ${labels[row]} taken for ${labels[column]}`;
    const made = count
      ? element("a", { href: `#mistakes?${query}`, "aria-label": said, className: right ? "diagonal" : "off" }, String(count))
      : element("span", { className: "off" }, "0");
    // off the diagonal the square root, as most counts are small and still matter
    made.style.setProperty("--share", right ? count / matrix[row].reduce((one, other) => one + other) : Math.sqrt(count / most));
    return made;
  }
  const place = element(
    "div",
    { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Confusion matrix" },
    element(
      "table",
      { className: "confusion" },
      element(
        "caption",
        {},
        `${model}: a row for what it is, a column for what ${model} says. A number leads to the images; on the diagonal, to those that another model gets wrong.`,
      ),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          element("td", {}),
          labels.map((label) => element("th", { scope: "col" }, label)),
        ),
      ),
      element(
        "tbody",
        {},
        cells.map((row, place) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, labels[place]),
            row.map((each) => element("td", {}, each)),
          ),
        ),
      ),
    ),
  );
  roving(
    place,
    cells.flat().map((each) => (each.href ? each : null)),
    labels.length,
  );
  return place;
}
