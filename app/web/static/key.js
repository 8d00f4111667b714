/** The key that some services want: asked for when one is wanted, kept while this tab is open, never shown. */

import { element } from "./elements.js";

const NAME = "wardrobe-api-key";
let key = kept();
let asking = null;

/** The key that was given, or null. */
export function givenKey() {
  return key;
}

/** Asks for a key in place of the `refused` one, which may be null; whether there is another now. Who asks meanwhile gets the same answer. */
export async function askForKey(refused) {
  if (key !== refused) return key !== null;
  keep(null);
  asking ??= dialog(refused !== null).finally(() => (asking = null));
  return asking;
}

function dialog(wasRefused) {
  const before = document.activeElement;
  const field = element("input", { id: "key", type: "password", autocomplete: "off", required: true, pattern: "[!-~]+", autofocus: true });
  field.title = "letters, digits and signs, without spaces";
  const form = element(
    "form",
    { method: "dialog" },
    element("p", { id: "key-why" }, wasRefused ? "The service does not know that key." : "This service answers only with a key."),
    element("label", { htmlFor: "key" }, "API key"),
    field,
    element("p", { className: "hint" }, "It is kept until this tab is closed, and sent to this service only."),
    element("button", { value: "given" }, "Use it"),
    element("button", { type: "button", onclick: () => shown.close() }, "Cancel"),
  );
  const shown = element("dialog", { className: "key", "aria-labelledby": "key-title", "aria-describedby": "key-why" });
  shown.append(element("h2", { id: "key-title" }, "Which key?"), form);
  document.body.append(shown);
  shown.showModal();
  return new Promise((done) => {
    shown.addEventListener("close", () => {
      if (shown.returnValue === "given") keep(field.value);
      shown.remove();
      before?.focus({ preventScroll: true });
      done(key !== null);
    });
  });
}

function kept() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    return null; // a browser may forbid a page to keep anything
  }
}

function keep(given) {
  key = given;
  try {
    if (given === null) sessionStorage.removeItem(NAME);
    else sessionStorage.setItem(NAME, given);
  } catch {
    // then it lasts until the page is loaded again
  }
}
