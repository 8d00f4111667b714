/** Observable Plot, loaded with the first chart. */

import { element } from "./elements.js";

const MARGIN = 90; // of the page and a card, on a narrow screen
let library;

/** A chart's place, there at once, the chart later: `options` makes Plot's options of Plot; at most `width` pixels wide. */
export function chart(label, width, height, options) {
  const place = element("div", { className: "chart" }, element("p", { className: "hint" }, "Loading the chart…"));
  library ??= import("./vendor/d3/d3.min.js").then(() => import("./vendor/plot/plot.umd.min.js"));
  library.then(
    () => place.replaceChildren(drawn(label, Math.min(width, document.documentElement.clientWidth - MARGIN), height, options)),
    () =>
      place.replaceChildren(
        element("p", { className: "hint" }, "The chart could not be loaded: check your connection, then load the page again."),
      ),
  );
  return place;
}

function drawn(ariaLabel, width, height, options) {
  const { Plot } = globalThis;
  const style = { background: "transparent", fontSize: "12px", fontFamily: "inherit" };
  const svg = Plot.plot({ ariaLabel, width, height, marginLeft: 50, marginBottom: 42, style, ...options(Plot) });
  svg.setAttribute("role", "img");
  for (const mark of svg.querySelectorAll("[aria-label]")) {
    // inside of a picture nothing has a name
    mark.dataset.mark = mark.getAttribute("aria-label");
    mark.removeAttribute("aria-label");
  }
  return svg;
}
