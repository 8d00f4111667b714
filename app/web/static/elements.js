/** Elements of the page, made in one expression. */

/** An element with these properties (`class`, `data-…`, `aria-…`, `role` and `for` as attributes) and children, which may be text. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

/** A share, 0 to 1, as a person writes it. */
export function percent(share, digits = 1) {
  return `${(100 * share).toFixed(digits)}\u00a0%`;
}

/** A choice of one: a labelled select with these [value, text] pairs. */
export function choice(name, text, options, chosen, changed) {
  const select = element(
    "select",
    { id: name, onchange: () => changed(select.value) },
    options.map(([value, label]) => element("option", { value, selected: value === chosen }, label)),
  );
  return element("span", { className: "choice" }, element("label", { htmlFor: name }, text), select);
}
