/** Many things as one tab stop: arrow keys move among them. */

/** `items` lie in rows of `columns`; where one is null there is nothing to stop at. */
export function roving(place, items, columns) {
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  const stop = (chosen) => items.forEach((item) => item && (item.tabIndex = item === chosen ? 0 : -1));
  stop(items.find(Boolean));
  place.addEventListener("focusin", (event) => items.includes(event.target) && stop(event.target));
  place.addEventListener("keydown", (event) => {
    const step = steps[event.key];
    let next = items.indexOf(event.target);
    if (!step || next < 0) return;
    event.preventDefault();
    do next += step;
    while (next in items && !items[next]);
    items[next]?.focus();
  });
}
