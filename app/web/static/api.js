/** The service's API, with every failure as a sentence that says what to do. */

import { askForKey, givenKey } from "./key.js";
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

/** The JSON answer to an image, sent as a form's `file`; `sending` is called when it is. Throws as `read`. */
export function send(path, query, file, signal, sending) {
  const body = new FormData();
  body.append("file", file, file.name);
  return answer(`${path}?${new URLSearchParams(query)}`, { method: "POST", body, signal }, sending);
}

/** What is at `path`, as an address of this page's own: an image or a link can't send a key. Throws a Problem. */
export async function fetched(path) {
  const response = await asked(path, {});
  const content = response.ok ? await response.blob().catch(() => null) : await response.json().catch(() => null);
  if (response.ok && content !== null) return URL.createObjectURL(content);
  throw new Problem(sentence(response, content), response.ok ? 502 : response.status);
}

async function answer(address, options, sending) {
  const response = await asked(address, options, sending);
  const content = await response.json().catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
  if (response.ok && content !== null) return content;
  throw new Problem(sentence(response, content), response.ok ? 502 : response.status);
}

/** The response to a request with the key that was given, or with another, while the service knows none of them. */
async function asked(address, options, sending = () => {}) {
  for (;;) {
    const key = givenKey();
    sending();
    const response = await fetch(address, key === null ? options : { ...options, headers: { Authorization: `Bearer ${key}` } }).catch(
      (error) => {
        if (error.name === "AbortError") throw error;
        throw new Problem("The service can't be reached: check your connection, or ask whoever runs it whether it is up, then try again.");
      },
    );
    if (response.status !== 401) return response;
    if (!(await askForKey(key))) throw new Problem("This service answers only with a key: ask whoever runs it for one.", 401);
  }
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
