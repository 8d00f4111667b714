/** Which of the page's views is shown: the one that the address names after its #, as in #mistakes?model=cnn&true=Shirt. */

import { element } from "./elements.js";
import * as trying from "./try.js";

const VIEWS = {
  try: { title: "Wardrobe", load: async () => trying },
  compare: { title: "Compare: Wardrobe", load: () => import("./compare.js") },
  mistakes: { title: "Mistakes: Wardrobe", load: () => import("./mistakes.js") },
};
let shown = null;

async function show() {
  const [, name, query] = /^#?([a-z]*)\??(.*)$/.exec(location.hash) ?? [];
  if (name === "main") return; // the skip link
  const view = name in VIEWS ? name : "try";
  for (const section of document.querySelectorAll("[data-view]")) section.hidden = section.dataset.view !== view;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = VIEWS[view].title;
  const section = document.querySelector(`[data-view=${view}]`);
  if (shown && shown !== view) {
    scrollTo(0, 0);
    section.querySelector("h1").focus({ preventScroll: true }); // so that a screen reader reads on from there
  }
  shown = view;
  const content = section.querySelector(".content");
  try {
    await (await VIEWS[view].load()).show(content, new URLSearchParams(query));
  } catch (problem) {
    content?.replaceChildren(failure(problem));
  }
  content?.setAttribute("aria-busy", "false");
}

function failure(problem) {
  return element(
    "div",
    { role: "alert", className: "problem" },
    element(
      "p",
      {},
      problem.status === undefined
        ? `This part of the page could not be loaded (${problem.message}): check your connection.`
        : problem.message,
    ),
    element("button", { type: "button", onclick: show }, "Try again"),
  );
}

addEventListener("hashchange", show);
show();
