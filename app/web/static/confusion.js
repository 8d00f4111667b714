/** A confusion matrix; a cell is a link to the images behind it. */

import { element } from "./elements.js";

/** The matrix of one model: a row for each true class, a column for each predicted one. */
export function confusion(model, matrix, labels) {
  const cell = (count, row, column) => {
    const right = row === column;
    const content = element(
      count ? "a" : "span",
      {
        className: right ? "diagonal" : "off",
        "aria-label": count ? `${count} ${labels[row]} taken for ${labels[column]}` : undefined,
      },
      String(count),
    );
    if (count) content.href = `#mistakes?${new URLSearchParams({ model, true: labels[row], predicted: labels[column] })}`;
    // off the diagonal the square root, as most counts are small and still matter
    content.style.setProperty("--share", right ? count / 1000 : Math.sqrt(count / 150));
    return element("td", {}, content);
  };
  return element(
    "div",
    { className: "scroll", tabIndex: 0, role: "region", "aria-label": "Confusion matrix" },
    element(
      "table",
      { className: "confusion" },
      element("caption", {}, `${model}: a row for what it is, a column for what ${model} says; choose a number to see the images`),
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
        matrix.map((counts, row) =>
          element(
            "tr",
            {},
            element("th", { scope: "row" }, labels[row]),
            counts.map((count, column) => cell(count, row, column)),
          ),
        ),
      ),
    ),
  );
}
