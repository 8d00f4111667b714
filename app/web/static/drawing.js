/** Drawing on 28x28 pixels with a mouse, a finger, a pen or the keyboard: light on black, as the models know garments. */

import { element } from "./elements.js";
import { SIDE, canvasFile } from "./picture.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAUSE_MS = { pointer: 300, keyboard: 1000 };

/** Fills `place`; `changed` is called with the drawing's file after each stroke. */
export function fill(place, changed) {
  const canvas = element("canvas", {
    width: SIDE,
    height: SIDE,
    className: "pixels paper",
    tabIndex: 0,
    role: "application",
    "aria-label": "Drawing, 28 by 28 pixels",
    "aria-describedby": "drawing-help",
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const size = element(
    "select",
    { id: "brush" },
    [
      ["1", "thin"],
      ["3", "medium"],
      ["5", "thick"],
    ].map(([value, text]) => element("option", { value, selected: value === "3" }, text)),
  );
  const rubber = element("input", { type: "checkbox", id: "rubber" });
  const cursor = element("span", { className: "cursor", hidden: true });
  const where = element("p", { className: "hint", role: "status" });
  let [column, row] = [SIDE / 2, SIDE / 2];
  let last = null;
  let timer;

  function clear() {
    clearTimeout(timer);
    context.fillStyle = "black";
    context.fillRect(0, 0, SIDE, SIDE);
  }
  function dab(x, y) {
    const side = Number(size.value);
    context.fillStyle = rubber.checked ? "black" : "#e6e6e6";
    context.fillRect(Math.round(x - side / 2), Math.round(y - side / 2), side, side);
  }
  function stroke(from, to) {
    const steps = Math.ceil(Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]), 1));
    for (let step = 0; step <= steps; step++) dab(...[0, 1].map((axis) => from[axis] + ((to[axis] - from[axis]) * step) / steps));
  }
  function finished(by) {
    clearTimeout(timer);
    timer = setTimeout(async () => changed(await canvasFile(canvas, "drawing.png")), PAUSE_MS[by]);
  }
  function at(event) {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button) return; // a second finger, or a right click
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last || !event.isPrimary) return;
    const here = at(event);
    stroke(last, here);
    last = here;
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (last) finished("pointer");
      last = null;
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.key in STEPS) {
      const [right, down] = STEPS[event.key];
      column = Math.min(SIDE - 1, Math.max(0, column + right));
      row = Math.min(SIDE - 1, Math.max(0, row + down));
      if (event.shiftKey) paint();
      where.textContent = `Column ${column + 1}, row ${row + 1}`;
    } else if (event.key === " ") paint();
    else return;
    event.preventDefault();
    cursor.hidden = false;
    place.style.setProperty("--column", column);
    place.style.setProperty("--row", row);
  });
  canvas.addEventListener("focus", () => (cursor.hidden = !canvas.matches(":focus-visible")));
  canvas.addEventListener("blur", () => (cursor.hidden = true));
  function paint() {
    dab(column + 0.5, row + 0.5);
    finished("keyboard");
  }

  clear();
  place.style.setProperty("--column", column);
  place.style.setProperty("--row", row);
  place.append(
    element("div", { className: "easel" }, canvas, cursor),
    element(
      "div",
      { className: "buttons" },
      element("label", { htmlFor: "brush" }, "Brush ", size),
      element("label", { htmlFor: "rubber" }, rubber, " Rub out"),
      element("button", { type: "button", onclick: clear }, "Clear"),
    ),
    element(
      "p",
      { className: "hint", id: "drawing-help" },
      "Fill the shape, as a photo would. With the keyboard: arrow keys move, space paints, shift and arrows paint a line.",
    ),
    where,
  );
}
