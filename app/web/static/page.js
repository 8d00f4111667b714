/** Which of the page's views is shown: the one that the address names after its #, as in #mistakes?model=cnn&true=Shirt. */

import { element } from "./elements.js";
import * as trying from "./try.js";

const VIEWS = {
  try: { title: "Wardrobe", load: async () => trying },
  compare: { title: "Compare: Wardrobe", load: () => import("./compare.js") },
  mistakes: { title: "Mistakes: Wardrobe", load: () => import("./mistakes.js") },
};
const scrolled = {};
let shown = null;

async function show() {
  const [, name, query] = /^#?([a-z]*)\??(.*)$/.exec(location.hash) ?? [];
  const view = Object.hasOwn(VIEWS, name) ? name : "try";
  const section = document.querySelector(`[data-view=${view}]`);
  if (shown && shown !== view) scrolled[shown] = scrollY;
  for (const each of document.querySelectorAll("[data-view]")) each.hidden = each !== section;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = VIEWS[view].title;
  if (shown && shown !== view) {
    section.querySelector("h1").focus({ preventScroll: true }); // so that a screen reader reads on from there
    scrollTo(0, view === "compare" ? (scrolled[view] ?? 0) : 0); // back from the images behind a number to that number
  }
  shown = view;
  const content = section.querySelector(".content");
  try {
    await (await VIEWS[view].load()).show(content, new URLSearchParams(query));
  } catch (problem) {
    content?.replaceChildren(failure(problem, section));
  }
  content?.setAttribute("aria-busy", "false");
}

/** What failed and what to do: ask again, or, where a module did not arrive, which many browsers ask for only once, load the page again. */
function failure(problem, section) {
  const asked = problem.status !== undefined;
  const retry = () => {
    section.querySelector("h1").focus();
    section.querySelector(".content").replaceChildren(element("p", { role: "status" }, "Loading…"));
    show();
  };
  return element(
    "div",
    { role: "alert", className: "problem" },
    element(
      "p",
      {},
      asked ? problem.message : "This part of the page could not be loaded: check your connection, then load the page again.",
    ),
    element("button", { type: "button", onclick: asked ? retry : () => location.reload() }, asked ? "Try again" : "Load again"),
  );
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view, and is to keep it
  document.getElementById("main").focus();
});
addEventListener("hashchange", show);
show();
