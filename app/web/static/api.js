/** The service's API, with every failure as a sentence that says what to do. */

import { plain } from "./words.js";

export class Problem extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

/** The JSON at `path`. Throws a Problem, or an AbortError once `signal` is aborted. */
export function read(path, signal) {
  return answer(path, { signal });
}

/** The JSON answer to an image, sent as a form's `file`. Throws as `read`. */
export function send(path, query, file, signal) {
  const body = new FormData();
  body.append("file", file, file.name);
  return answer(`${path}?${new URLSearchParams(query)}`, { method: "POST", body, signal });
}

async function answer(address, options) {
  const response = await fetch(address, options).catch((error) => {
    if (error.name === "AbortError") throw error;
    throw new Problem("The service can't be reached: check your connection, or ask whoever runs it whether it is up, then try again.");
  });
  const content = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && content !== null) return content;
  throw new Problem(sentence(response, content), response.ok ? 502 : response.status);
}

function sentence(response, problem) {
  if (typeof problem?.detail !== "string") {
    return `Something between this page and the service answered ${response.status}: try again in a moment.`;
  }
  const seconds = response.headers.get("Retry-After");
  const wait = seconds && !problem.detail.includes("try again") ? ` Try again in ${seconds} s.` : "";
  const log = response.status >= 500 && problem.request_id ? ` (Request ${problem.request_id}.)` : "";
  return `${plain(problem.detail)}${wait}${log}`;
}
