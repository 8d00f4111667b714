/** The lines that repeat a prediction outside of the page. */

import { choice, element } from "./elements.js";
import { givenKey } from "./key.js";

const DEFAULT = "cnn";
let address;

/** Fills the details `place`: a choice of the model, the picture as it was sent, the two snippets with a button each to copy them. */
export function fill(place, picture, models) {
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(picture.file);
  place.hidden = models.length === 0;
  const first = models.includes(DEFAULT) ? DEFAULT : models[0];
  const [shell, python] = ["Terminal", "Python"].map((title) => snippet(title));
  const write = (model) => {
    shell.write(curl(picture, model));
    python.write(urllib(picture, model));
  };
  write(first);
  place.replaceChildren(
    place.querySelector("summary"),
    element("p", {}, "They need the picture as it was sent: ", element("a", { href: address, download: name(picture) }, name(picture))),
    choice(
      "command-model",
      "Model",
      models.map((each) => [each, each]),
      first,
      write,
    ),
    shell.block,
    python.block,
  );
}

function snippet(title) {
  const code = element("code", {});
  const said = element("span", { role: "status" });
  const copy = async () => {
    said.textContent = "";
    try {
      await navigator.clipboard.writeText(code.textContent);
      said.textContent = " Copied";
    } catch {
      getSelection().selectAllChildren(code); // without https a browser lets no page write to the clipboard
      said.textContent = " Selected: copy it as you copy any text";
    }
  };
  const button = element("button", { type: "button", "aria-label": `Copy the lines for ${title}`, onclick: copy }, "Copy");
  const write = (text) => {
    code.textContent = text;
    said.textContent = "";
  };
  return {
    write,
    block: element("div", { className: "snippet" }, element("h3", {}, title), button, said, element("pre", { tabIndex: 0 }, code)),
  };
}

/** The file's name without what a terminal would act upon: control characters, and those that turn the direction of text. */
function name({ file }) {
  return file.name.replace(/[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "_");
}

function target({ fit }, model) {
  return `${location.origin}/predict?${new URLSearchParams({ model, fit })}`;
}

function curl(picture, model) {
  // within curl's own quotes, which a name with ; or , needs, and the shell's
  const file = name(picture).replace(/["\\]/g, "\\$&");
  const key = givenKey() === null ? "" : `-H "Authorization: Bearer $WARDROBE_API_KEY" `;
  return `curl ${key}-F ${quoted(`file=@"${file}"`)} ${quoted(target(picture, model))}`;
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function urllib(picture, model) {
  const [imported, key] = givenKey() === null ? ["", ""] : ["import os\n", ', "Authorization": "Bearer " + os.environ["WARDROBE_API_KEY"]'];
  return `import json
${imported}import urllib.request

with open(${JSON.stringify(name(picture))}, "rb") as image:
    request = urllib.request.Request(
        ${JSON.stringify(target(picture, model))},
        image.read(),
        {"Content-Type": ${JSON.stringify(picture.file.type || "image/png")}${key}},
    )
answer = json.load(urllib.request.urlopen(request, timeout=10))
print(answer["label"], answer["confidence"])`;
}
