/** Why a model answers so: what covering each part of the picture does to its confidence, as `POST /explain` says. */

import { send } from "./api.js";
import { element } from "./elements.js";
import { SIDE, drawn } from "./picture.js";

const FOR = [46, 134, 222];
const AGAINST = [230, 110, 20];
const LITTLE = 0.01;
const ROWS = ["top", "middle", "bottom"];
const COLUMNS = ["left", "centre", "right"];

/** Fills `place` with the map of one model over the `pixels` that it sees, which `file` holds as a PNG. */
export async function fill(place, model, file, pixels, signal) {
  place.replaceChildren(element("p", { className: "hint" }, "Looking for the reasons…"));
  try {
    const explanation = await send("/explain", { model, fit: "strict" }, file, signal);
    place.replaceChildren(
      element(
        "figure",
        {},
        drawn(overlay(pixels, explanation.change), `Map of what ${model} looks at`),
        element("figcaption", {}, sentence(explanation)),
      ),
    );
  } catch (problem) {
    if (signal.aborted) throw problem;
    const retry = () => {
      place.tabIndex = -1;
      place.focus(); // the button is about to go
      fill(place, model, file, pixels, signal).catch(() => {});
    };
    place.replaceChildren(
      element("p", { className: "hint" }, `No reasons: ${problem.message}`),
      element("button", { type: "button", onclick: retry }, "Try again"),
    );
  }
}

function overlay(pixels, change) {
  const largest = Math.max(LITTLE, ...change.flat().map(Math.abs));
  return pixels.map((row, y) =>
    row.map((grey, x) => {
      const weight = (0.85 * Math.abs(change[y][x])) / largest;
      const colour = change[y][x] < 0 ? FOR : AGAINST;
      return colour.map((part) => Math.round(grey * (1 - weight) + part * weight));
    }),
  );
}

function sentence({ change, label }) {
  let [lowest, highest, y, x] = [0, 0, 0, 0];
  change.forEach((row, down) =>
    row.forEach((value, right) => {
      if (value < lowest) [lowest, y, x] = [value, down, right];
      highest = Math.max(highest, value);
    }),
  );
  if (-lowest < LITTLE && highest < LITTLE) return "No single part decides: whatever is covered, the answer stays as sure as it is.";
  const parts = [];
  if (-lowest >= LITTLE) {
    const third = (place) => Math.floor((3 * place) / SIDE);
    const where = `${ROWS[third(y)]} ${COLUMNS[third(x)]}`.replace("middle centre", "centre");
    parts.push(`Blue speaks for ${label}, most of all at the ${where}: covering that takes some ${points(lowest)} off.`);
  }
  if (highest >= LITTLE) parts.push(`Orange speaks against it: covering that adds up to ${points(highest)}.`);
  return parts.join(" ");
}

function points(change) {
  const rounded = (100 * Math.abs(change)).toFixed(0);
  return rounded === "1" ? "1 point" : `${rounded} points`;
}
