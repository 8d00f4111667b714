/** The service's API, with every failure as a sentence that says what to do. */

export class Problem extends Error {
  constructor(sentence, status = 0) {
    super(sentence);
    this.status = status;
  }
}

/** The JSON at `path`. Throws a Problem, or an AbortError once `signal` is aborted. */
export function read(path, signal) {
  return answer(() => fetch(path, { signal }));
}

/** The JSON answer to an image, sent as a form's `file`. Throws as `read`. */
export function send(path, query, file, signal) {
  const body = new FormData();
  body.append("file", file, file.name);
  return answer(() => fetch(`${path}?${new URLSearchParams(query)}`, { method: "POST", body, signal }));
}

async function answer(request) {
  try {
    const response = await request();
    if (response.ok) return await response.json();
    throw new Problem(await sentence(response), response.status);
  } catch (error) {
    if (error instanceof Problem || error.name === "AbortError") throw error;
    throw new Problem("The service can't be reached: check your connection, or ask whoever runs it whether it is up, then try again.");
  }
}

async function sentence(response) {
  const detail = await response.json().then(
    (problem) => problem.detail,
    () => null,
  );
  if (typeof detail !== "string") {
    return `Something between this page and the service answered ${response.status}: try again in a moment.`;
  }
  const seconds = response.headers.get("Retry-After");
  return seconds && !detail.includes("try again") ? `${detail} Try again in ${seconds} s.` : detail;
}
