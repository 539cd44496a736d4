// Files in messages: a small picture of images, a card for the rest; a click saves the file.
// Files are fetched with the token and never shown by address; pictures are drawn on a canvas,
// so that the page's policy needs no exception for them.

import { download } from "./actions.js";
import { div, el, icon } from "./dom.js";
import { guard, later } from "./guard.js";
import { code } from "./texts.js";

const PICTURES = /^image\/(png|jpeg|gif|webp)$/;
const PICTURE_LIMIT = 8e6;
const WIDTH = 480; // twice as wide as shown, for screens of fine resolution

const pictures = {};

/** A size as people read it, in their language. */
export function readableSize(bytes) {
  const [unit, value] = bytes < 1e6 ? ["kilobyte", bytes / 1e3] : ["megabyte", bytes / 1e6];
  return Math.ceil(value).toLocaleString(code, { style: "unit", unit });
}

/** Name and size of a file, beside the sign for files. */
export const fileLabel = ({ name, size }) => [
  icon("file"),
  div("", el("b", { dir: "auto" }, name), el("small", {}, readableSize(size))),
];

async function save({ id, name }) {
  const href = URL.createObjectURL(await download(id));
  el("a", { href, download: name }).click();
  later(9999, () => URL.revokeObjectURL(href));
}

const draw = guard(async (canvas, id) => {
  const image = await createImageBitmap(await download(id));
  const scale = Math.min(1, WIDTH / image.width);
  canvas.width = image.width * scale;
  canvas.height = image.height * scale;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
});

/** Each picture is fetched once. */
function picture({ id }) {
  if (!pictures[id]) draw((pictures[id] = el("canvas")), id);
  return pictures[id];
}

/** The button that shows an attachment. */
export function attachment(file) {
  const isPicture = PICTURES.test(file.media_type) && file.size <= PICTURE_LIMIT;
  const type = { type: "button", ariaLabel: file.name, onclick: () => save(file) };
  return el(
    "button",
    { ...type, className: isPicture ? "picture" : "card" },
    isPicture ? picture(file) : fileLabel(file),
  );
}
