/** The gallery: real test images, ten of each class, in a sprite with a class to a row. Arrow keys move in it, as it is one tab stop. */

import { element } from "./elements.js";
import { cellFile, showCell } from "./picture.js";
import { roving } from "./roving.js";

const URL = "/static/gallery.png";
const EACH = 10;
const LABELS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/** Fills `place`; `chosen` is called with a function that brings the file of an image, and its true label. */
export function fill(place, chosen) {
  const buttons = LABELS.flatMap((label, row) =>
    Array.from({ length: EACH }, (_, column) => {
      const position = row * EACH + column;
      const button = element("button", {
        type: "button",
        className: "cell",
        "aria-label": `${label} ${column + 1}`,
        onclick: () => chosen(() => cellFile(URL, EACH, position, `${label.toLowerCase().replace(/\W+/g, "-")}-${column + 1}.png`), label),
      });
      showCell(button, URL, EACH, LABELS.length, position);
      return button;
    }),
  );
  place.setAttribute("role", "toolbar");
  place.setAttribute("aria-label", "Test images; arrow keys move among them");
  place.append(
    ...LABELS.map((label, row) =>
      element(
        "div",
        { className: "shelf" },
        element("span", { "aria-hidden": "true" }, label),
        element("div", {}, buttons.slice(row * EACH, (row + 1) * EACH)),
      ),
    ),
  );
  roving(place, buttons, EACH);
}
