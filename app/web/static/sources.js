/** Where a picture comes from: chosen, photographed, dropped, or pasted anywhere on the page. */

/** Calls `chosen` with each file, and `refused` with a sentence when something else was dropped. */
export function listen(chosen, refused) {
  for (const input of document.querySelectorAll("#file, #camera")) {
    const take = () => {
      if (input.files.length) chosen(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    };
    input.addEventListener("change", take);
    take(); // chosen while the page was loading
  }
  const view = document.querySelector("[data-view=try]");
  const zone = document.getElementById("sources");
  const mark = (over) => zone.classList.toggle("over", over);
  // the whole window: a file that misses the zone would otherwise replace the page
  addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(!view.hidden);
  });
  addEventListener("dragleave", (event) => mark(!view.hidden && event.relatedTarget !== null));
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (!view.hidden)
      hand(event.dataTransfer, chosen, () => refused("That was no file: save the picture first, then drop or choose the file."));
  });
  addEventListener("paste", (event) => {
    if (!view.hidden)
      hand(event.clipboardData, chosen, () =>
        refused("There is no picture in the clipboard: copy one, not its address, then paste again."),
      );
  });
}

function hand(transfer, chosen, otherwise) {
  if (transfer.files.length) chosen(transfer.files[0]);
  else otherwise();
}
