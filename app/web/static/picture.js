/** Pictures as the page handles them: 28x28 pixels of grey, cells of a sprite, files to send. */

import { Problem } from "./api.js";
import { element } from "./elements.js";

export const SIDE = 28;
const LARGEST_EDGE = 1600;
const ACCEPTED = ["image/png", "image/jpeg", "image/webp", "image/bmp", ""]; // without a type the service looks for itself

/** A canvas with 28 rows of 28 colours, each `[red, green, blue]` or a grey level. */
export function drawn(rows, label) {
  const canvas = element("canvas", { width: SIDE, height: SIDE, className: "pixels", role: "img", "aria-label": label });
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  rows.flat(1).forEach((colour, position) => {
    const [red, green, blue] = Array.isArray(colour) ? colour : [colour, colour, colour];
    image.data.set([red, green, blue, 255], 4 * position);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Makes `target` show one cell of the sprite at `url`, which may be still on its way: `columns` cells in a row, `rows` rows. */
export function showCell(target, url, columns, rows, position) {
  const along = (place, places) => (places > 1 ? `${(100 * place) / (places - 1)}%` : "0");
  Promise.resolve(url).then(
    (address) => (target.style.backgroundImage = `url(${address})`),
    () => {}, // without it the rest of what is said stays
  );
  target.style.backgroundSize = `${100 * columns}% ${100 * rows}%`;
  target.style.backgroundPosition = `${along(position % columns, columns)} ${along(Math.floor(position / columns), rows)}`;
}

/** One cell of a sprite as a PNG file. Throws a Problem. */
export async function cellFile(url, columns, position, name) {
  const sprite = new Image();
  sprite.src = await url;
  await sprite.decode().catch(() => {
    throw new Problem("The picture can't be loaded: check your connection, then try again.");
  });
  const canvas = element("canvas", { width: SIDE, height: SIDE });
  const [left, top] = [position % columns, Math.floor(position / columns)].map((place) => place * SIDE);
  canvas.getContext("2d").drawImage(sprite, left, top, SIDE, SIDE, 0, 0, SIDE, SIDE);
  return canvasFile(canvas, name);
}

/** A canvas as a PNG file. */
export async function canvasFile(canvas, name) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  return new File([blob], name, { type: "image/png" });
}

/** What the models see as a PNG file, from its 28 rows of 28 grey levels. */
export function pixelsFile(rows, name) {
  return canvasFile(drawn(rows, ""), name);
}

/**
 * The file, or a copy as JPEG of a large photo, as 28 pixels need no more and it arrives sooner, or of a kind that only the browser
 * knows; `reduced` is the copy's size. `small` is whether the picture is 28x28. Throws a Problem.
 */
export async function prepared(file) {
  await file
    .slice(0, 1)
    .arrayBuffer()
    .catch(() => {
      throw new Problem(`${file.name} can't be read: it was moved or changed, or is not on this device; choose it again.`, 400);
    });
  const bitmap = await createImageBitmap(file).catch(() => null); // not an image, or of a kind only the service may know
  if (!bitmap) return { file, small: false };
  try {
    const { width, height } = bitmap;
    const small = width === SIDE && height === SIDE;
    const scale = Math.min(1, LARGEST_EDGE / Math.max(width, height));
    if (scale === 1 && (small || ACCEPTED.includes(file.type))) return { file, small };
    const canvas = element("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
    const context = canvas.getContext("2d");
    context.fillStyle = "white"; // behind what is transparent, as the service has it for photos
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
    const reduced = `${canvas.width}x${canvas.height}`;
    if (!blob) return { file, small };
    return { file: new File([blob], `${file.name.replace(/\.\w+$/, "")}-${reduced}.jpg`, { type: blob.type }), small, reduced };
  } finally {
    bitmap.close();
  }
}
