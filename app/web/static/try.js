/** Trying a picture: from wherever it comes to each model's answer, its reasons, and the lines that repeat it. */

import * as answers from "./answers.js";
import { Problem, send } from "./api.js";
import * as commands from "./commands.js";
import * as drawing from "./drawing.js";
import { element } from "./elements.js";
import { spriteOf, stored } from "./evidence.js";
import * as gallery from "./gallery.js";
import { cellFile, drawn, pixelsFile, prepared } from "./picture.js";
import * as reasons from "./reasons.js";
import { listen } from "./sources.js";

const byId = (id) => document.getElementById(id);
let running = new AbortController();
let own = null; // the last file, if it was a person's own: what the choice under it is about

listen(tryOwn, complain);
gallery.fill(byId("gallery"), (image, label) => take(async () => ({ file: await image(), fit: "strict", truth: label })));
drawing.fill(byId("drawing"), (file) => take(async () => ({ file, fit: "strict" }), { scrolls: false }));
byId("fit").addEventListener("change", () => own && tryOwn(own));

/** The view. A mistake's link names the test image: #try?test=17. */
export async function show(_, query) {
  if (query.has("test")) await run(() => testImage(Number(query.get("test"))));
}

function tryOwn(file) {
  take(() => fitted(file));
  own = file;
}

/** Another picture than the one that the address names. */
function take(make, options) {
  own = null;
  history.replaceState(null, "", "#try");
  run(make, options);
}

/** A person's own file, fitted as they chose, or as its size suggests. */
async function fitted(original) {
  const { file, small, reduced } = await prepared(original);
  const wanted = byId("fit").value;
  return { file, fit: wanted === "auto" ? (small ? "strict" : "garment") : wanted, reduced };
}

/** A test image that a model gets wrong, by its position in the test set. */
async function testImage(index) {
  const mistakes = await stored("/mistakes");
  const position = mistakes.test_index.indexOf(index);
  if (position < 0) throw new Problem("No model gets this test image wrong: choose one under Mistakes.", 404);
  const file = await cellFile(spriteOf(mistakes), mistakes.columns, position, `test-image-${index}.png`);
  return { file, fit: "strict", truth: mistakes.labels[mistakes.true[position]] };
}

/** Shows all there is about the picture that `make` brings: its `file`, `fit`, true label if known, and the size it was reduced to. */
async function run(make, { scrolls = true } = {}) {
  running.abort(); // the newest picture counts, whichever answer comes first
  running = new AbortController();
  const { signal } = running;
  byId("problem").replaceChildren();
  byId("result").setAttribute("aria-busy", "true");
  byId("status").textContent = "The models are looking at it.";
  if (scrolls) reveal();
  try {
    const picture = await make();
    signal.throwIfAborted();
    let began;
    const { models } = await send("/compare", { fit: picture.fit }, picture.file, signal, () => (began = performance.now()));
    const took = performance.now() - began;
    const places = answers.fill(byId("answers"), models, picture.truth);
    byId("seen").replaceChildren(element("p", { className: "hint" }, "Loading…"));
    commands.fill(byId("commands"), picture, Object.keys(places));
    byId("status").textContent = `${answers.sentence(models, picture.truth)} It took ${took.toFixed(0)} ms there and back.`;
    byId("result").hidden = false;
    byId("result").setAttribute("aria-busy", "false");
    await explain(picture, places, signal);
  } catch (problem) {
    if (!signal.aborted) fail(problem, () => run(make, { scrolls }));
  }
}

/** What the models see, and what in it each answer rests on; where that fails, the answers stay. */
async function explain(picture, places, signal) {
  try {
    const seen = await send("/preprocess", { fit: picture.fit }, picture.file, signal);
    byId("seen").replaceChildren(...preprocessing(seen, picture));
    const small = await pixelsFile(seen.pixels, "seen.png");
    for (const [name, place] of Object.entries(places)) {
      await reasons.fill(place, name, small, seen.pixels, signal);
    }
  } catch (problem) {
    if (signal.aborted) return;
    byId("seen").replaceChildren(element("p", { className: "hint" }, `What they see can't be shown: ${problem.message}`));
  }
}

/** On a narrow screen the answers lie below the pictures to choose from. */
function reveal() {
  if (matchMedia("(max-width: 800px)").matches) byId("output").scrollIntoView({ block: "start" });
}

/** Says what is wrong with what was dropped or pasted; what is shown stays. */
function complain(sentence) {
  byId("problem").replaceChildren(sentence);
  reveal();
}

function fail(problem, again) {
  byId("result").hidden = true;
  byId("status").textContent = "";
  const passing = [0, 401, 429].includes(problem.status) || problem.status >= 500;
  const retry = () => {
    byId("status").focus(); // the button is about to go
    again();
  };
  const sentence = problem instanceof Problem ? problem.message : "This page failed: load it again.";
  byId("problem").replaceChildren(sentence, passing ? element("button", { type: "button", onclick: retry }, "Try again") : "");
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
          `A copy of ${picture.reduced} pixels was sent: for 28x28 that is plenty, and it arrives sooner.`,
        )
      : null,
  ].filter(Boolean);
}
