/** What the service has stored about its models, asked for once and shared by the views. */

import { fetched, read } from "./api.js";

const asked = new Map();

/** The JSON at `path`, kept after the first answer. */
export function stored(path) {
  return once(path, read);
}

/** The address of the images that belong to this index of mistakes, and to no later one. */
export function spriteOf(mistakes) {
  return once(`/mistakes/sprite?sha256=${mistakes.sprite_sha256}`, fetched);
}

function once(path, ask) {
  if (!asked.has(path)) {
    const answer = ask(path);
    answer.catch(() => asked.delete(path)); // so that it is asked for again
    asked.set(path, answer);
  }
  return asked.get(path);
}

/** The models of an evaluation, the most accurate one first, as [name, report] pairs. */
export function ranked(metrics) {
  return Object.entries(metrics.models).sort(([, one], [, other]) => other.test.accuracy - one.test.accuracy);
}

/** The calibration of a model as it is served: its graph has the temperature or has it not. */
export function served({ calibration }) {
  return calibration && (calibration.in_graph ? calibration.after : calibration.before);
}

/** The paired test of two served models, whichever is named first; undefined where they were not compared. */
export function pairedTest(metrics, names) {
  return metrics.comparison?.tests?.find(({ one, other }) =>
    [one, other].every(({ name, version }) => names.includes(name) && metrics.models[name]?.version === version),
  );
}
