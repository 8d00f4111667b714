/** Trying a picture: from wherever it comes to each model's answer, its reasons, and the lines that repeat it. */

import * as answers from "./answers.js";
import { Problem, send } from "./api.js";
import * as commands from "./commands.js";
import * as drawing from "./drawing.js";
import { element } from "./elements.js";
import * as gallery from "./gallery.js";
import { cellFile, drawn, prepared } from "./picture.js";
import * as reasons from "./reasons.js";
import { listen } from "./sources.js";

const byId = (id) => document.getElementById(id);
let running = new AbortController();
let again = () => {};

listen(
  (file) => run(() => fitted(file)),
  (sentence) => fail(new Problem(sentence, 400)),
);
gallery.fill(byId("gallery"), (image, label) => run(async () => ({ file: await image(), fit: "strict", truth: label })));
drawing.fill(byId("drawing"), (file) => run(async () => ({ file, fit: "strict" })));
byId("fit").addEventListener("change", () => again());

/** The view. A mistake's link names the cell of its sprite: #try?columns=40&position=7&truth=Shirt. */
export async function show(_, query) {
  if (!query.has("position")) return;
  const [columns, position] = [Number(query.get("columns")), Number(query.get("position"))];
  const image = () => cellFile("/mistakes/sprite", columns, position, `test-image-${query.get("index")}.png`);
  await run(async () => ({ file: await image(), fit: "strict", truth: query.get("truth") }));
}

/** A person's own file, fitted as they chose, or as its size suggests. */
async function fitted(original) {
  const { file, small, reduced } = await prepared(original);
  const wanted = byId("fit").value;
  return { file, fit: wanted === "auto" ? (small ? "strict" : "garment") : wanted, reduced };
}

/** Shows all there is about the picture that `make` brings: its `file`, `fit`, true label if known, and the size it was reduced to. */
async function run(make) {
  again = () => run(make);
  running.abort(); // the newest picture counts, whichever answer comes first
  running = new AbortController();
  const { signal } = running;
  byId("problem").replaceChildren();
  byId("status").textContent = "The models are looking at it.";
  try {
    const picture = await make();
    signal.throwIfAborted();
    const began = performance.now();
    const compared = await send("/compare", { fit: picture.fit }, picture.file, signal);
    const took = performance.now() - began;
    const seen = await send("/preprocess", { fit: picture.fit }, picture.file, signal);
    const cards = answers.fill(byId("answers"), compared.models, picture.truth);
    byId("seen").replaceChildren(...preprocessing(seen, picture));
    byId("commands").replaceChildren(byId("commands").querySelector("summary"), ...commands.lines(picture, Object.keys(cards)));
    byId("result").hidden = false;
    byId("status").textContent = `${answers.sentence(compared.models, picture.truth)} It took ${took.toFixed(0)} ms there and back.`;
    if (innerWidth < 800) byId("status").scrollIntoView({ block: "start" });
    for (const [name, place] of Object.entries(cards)) {
      await reasons.fill(place, name, picture, seen.pixels, signal);
    }
  } catch (problem) {
    if (problem.name !== "AbortError") fail(problem);
  }
}

function fail(problem) {
  byId("result").hidden = true;
  byId("status").textContent = "";
  const passing = problem.status === 0 || problem.status === 429 || problem.status >= 500;
  byId("problem").replaceChildren(
    problem.message,
    passing ? element("button", { type: "button", onclick: () => again() }, "Try again") : "",
  );
}

function preprocessing(seen, picture) {
  const last = element(
    "figure",
    { className: "main" },
    drawn(seen.pixels, "The picture as the models see it, 28 by 28 pixels"),
    element("figcaption", {}, picture.truth ? `28x28. In truth: ${picture.truth}` : "28x28"),
  );
  const steps = seen.steps
    .slice(0, -1)
    .map((step) =>
      element(
        "li",
        {},
        element(
          "figure",
          {},
          element("img", { src: `data:image/png;base64,${step.png}`, alt: "", className: step.width <= 28 ? "pixels" : "" }),
          element("figcaption", {}, step.description),
        ),
      ),
    );
  return [
    last,
    steps.length ? element("ol", { className: "steps", "aria-label": "From the photo to what the models see" }, steps) : null,
    picture.reduced
      ? element(
          "p",
          { className: "hint" },
          `The photo is large: a copy of ${picture.reduced} pixels was sent, which makes no visible difference at 28x28.`,
        )
      : null,
  ].filter(Boolean);
}
