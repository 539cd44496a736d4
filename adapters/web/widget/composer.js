// Where the customer writes: a field that grows, files by button, paste and drop, and Send.
// What is being written survives a reload.

import { send, type, upload } from "./actions.js";
import { div, el, iconButton } from "./dom.js";
import { fileLabel, readableSize } from "./attachments.js";
import { guard } from "./guard.js";
import * as keep from "./keep.js";
import { warn } from "./notes.js";
import { chat } from "./page.js";
import { t } from "./texts.js";

// Unless the bridge says otherwise.
const LARGEST = 10485760;
const LONGEST = 10000;
const MOST = 10;

let field;
let go;
let chips;
let files = [];

const isReady = () => (field.value.trim() || files[0]) && files.every(({ stored }) => stored);

/** Fit the field to what is in it, and show what is attached. */
export function drawComposer() {
  field.maxLength = chat.config.max_text || LONGEST;
  go.ariaDisabled = isReady() ? null : "true";
  field.style.height = "auto";
  field.style.height = field.scrollHeight + "px";
  chips.replaceChildren(...files.map(({ chip }) => chip));
}

/** Put a text into the field. */
export function write(text) {
  field.value = text;
  keep.set("draft", text);
  drawComposer();
}

/** Put the focus where one writes. */
export const focusComposer = () => field.focus({ preventScroll: true });

function submit() {
  if (!isReady()) return;
  send(
    field.value.trim(),
    files.map(({ stored }) => stored),
  );
  files = [];
  write("");
  focusComposer();
}

async function attach(source) {
  const { name, size } = source;
  const largest = chat.config.max_file_bytes || LARGEST;
  const remove = () => {
    files = files.filter((other) => other !== file);
    drawComposer();
  };
  const away = iconButton("icon", "close", t("discard") + " " + name, () => field.focus(remove()));
  const file = { chip: div("card chip", fileLabel(source), away) };
  try {
    if (size > largest) throw { status: 413 };
    files.push(file);
    file.chip.ariaBusy = "true";
    drawComposer();
    file.stored = await upload(source);
    file.chip.ariaBusy = "false";
    drawComposer();
  } catch ({ status }) {
    remove();
    warn(name + ": " + (status === 413 ? "> " + readableSize(largest) : t("failed")));
  }
}

/** Attach the files of a paste or drop; other things take their usual way. */
export function takeFiles(event, { files: given, types }) {
  if (!given[0] || types.includes("text/plain")) return;
  event.preventDefault();
  attachAll(given);
}

function attachAll(list) {
  const room = (chat.config.max_attachments || MOST) - files.length;
  [...list].slice(0, room).forEach(guard(attach));
}

function onkeydown(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
}

function oninput() {
  write(field.value);
  if (field.value) type();
}

const onpaste = (event) => takeFiles(event, event.clipboardData);

/** Make the composer. */
export function composer() {
  const label = { placeholder: t("write"), ariaLabel: t("write"), value: keep.get("draft") || "" };
  field = el("textarea", { rows: 1, dir: "auto", ...label, onkeydown, oninput, onpaste });
  const picker = el("input", { type: "file", multiple: true, hidden: true });
  picker.onchange = guard(() => {
    attachAll(picker.files);
    picker.value = "";
  });
  const clip = iconButton("icon", "clip", t("attach"), () => picker.click());
  go = iconButton("icon go", "send", t("send"), submit);
  chips = div("chips");
  return div("composer", chips, div("box", clip, field, go), picker);
}
