/** The stored evaluation, `GET /metrics`, asked for once and shared by the views. */

import { read } from "./api.js";

const asked = new Map();

/** The JSON at `path`, kept after the first answer. */
export function stored(path) {
  if (!asked.has(path)) {
    const answer = read(path);
    answer.catch(() => asked.delete(path)); // so that it is asked for again
    asked.set(path, answer);
  }
  return asked.get(path);
}

/** The models of an evaluation, the most accurate one first, as [name, report] pairs. */
export function ranked(metrics) {
  return Object.entries(metrics.models).sort(([, one], [, other]) => other.test.accuracy - one.test.accuracy);
}
