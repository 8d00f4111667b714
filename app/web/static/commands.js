/** The lines that repeat a prediction outside of the page. */

import { choice, element } from "./elements.js";

const DEFAULT = "cnn";
let address;

/** A choice of the model, the two snippets with a button each to copy them, and a link to the very picture that was sent. */
export function lines(picture, models) {
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(picture.file);
  const first = models.includes(DEFAULT) ? DEFAULT : models[0];
  const [shell, python] = ["Terminal", "Python"].map((title) => snippet(title));
  const write = (model) => {
    shell.code.textContent = curl(picture, model);
    python.code.textContent = requests(picture, model);
  };
  write(first);
  return [
    choice(
      "command-model",
      "Model",
      models.map((name) => [name, name]),
      first,
      write,
    ),
    shell.block,
    python.block,
    element(
      "p",
      { className: "hint" },
      "The picture as it was sent: ",
      element("a", { href: address, download: picture.file.name }, picture.file.name),
    ),
  ];
}

function snippet(title) {
  const code = element("code", {});
  const copied = element("span", { role: "status" });
  const button = element(
    "button",
    {
      type: "button",
      "aria-label": `Copy the lines for ${title}`,
      onclick: async () => {
        await navigator.clipboard.writeText(code.textContent).then(
          () => (copied.textContent = " Copied"),
          () => {
            getSelection().selectAllChildren(code); // without https a browser lets no page write to the clipboard
            copied.textContent = " Selected: copy it with Ctrl+C";
          },
        );
      },
    },
    "Copy",
  );
  return {
    code,
    block: element("div", { className: "snippet" }, element("h3", {}, title), button, copied, element("pre", { tabIndex: 0 }, code)),
  };
}

function curl({ file, fit }, model) {
  // within curl's own quotes, which a name with ; or , needs, and the shell's
  const name = file.name.replace(/["\\]/g, "\\$&");
  return `curl -F ${quoted(`file=@"${name}"`)} ${quoted(`${location.origin}/predict?${new URLSearchParams({ model, fit })}`)}`;
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function requests({ file, fit }, model) {
  return `import requests

with open(${JSON.stringify(file.name)}, "rb") as image:
    answer = requests.post(
        "${location.origin}/predict",
        params={"model": ${JSON.stringify(model)}, "fit": ${JSON.stringify(fit)}},
        files={"file": image},
        timeout=10,
    )
answer.raise_for_status()
print(answer.json()["label"], answer.json()["confidence"])`;
}
