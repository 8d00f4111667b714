/** Links to what the service answers beside this page. */

import { fetched } from "./api.js";
import { element } from "./elements.js";
import { givenKey } from "./key.js";

/** A link to `path`. Where the service wants a key, which a link can't send, it is fetched with it and saved as the file `name`. */
export function link(path, name, text) {
  if (givenKey() === null) return [element("a", { href: path }, text)];
  const said = element("span", { role: "status" }, " (saves a file)");
  const save = async (event) => {
    event.preventDefault();
    try {
      element("a", { href: await fetched(path), download: name }).click();
      said.textContent = ` (saved as ${name})`;
    } catch (problem) {
      said.textContent = ` ${problem.message}`;
    }
  };
  return [element("a", { href: path, onclick: save }, text), said];
}
