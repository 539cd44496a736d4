// The posts of a thread: the history, the customer's lines, replies with their marks, notes.

import { el, face, heard, icon, iconButton, time } from "./dom.js";
import { markdown } from "./markdown.js";

const MARKS = {
  shown: ["check", "Shown to the customer"],
  read: ["seen", "Read by the customer"],
  mailed: ["mail", "Sent by e-mail"],
  failed: ["warning", "Not delivered"],
};
const SIDES = { customer: "Customer", assistant: "Assistant", teammate: "Team" };

const words = (text) => el("div", { class: "words", dir: "auto" }, markdown(text));

function size(bytes) {
  return bytes < 1024 ? `${bytes} B` : bytes < 1048576 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function file({ thread }, { id, name, size: bytes }) {
  const href = `/sandbox/threads/${thread}/files/${encodeURIComponent(id)}`;
  return el("a", { class: "file", href, download: name }, icon("file"), el("b", { dir: "auto", text: name }), el("small", { text: size(bytes) }));
}

function head(role, name, at, more = []) {
  const side = SIDES[role] && SIDES[role] !== name && el("span", { class: "side", text: SIDES[role] });
  return el("p", { class: "who" }, el("b", { dir: "auto", text: name || SIDES[role] || "Bridge" }), side, time(at), ...more);
}

function entry({ role, name, at, text, files }) {
  const attached = files.map((title) => el("span", { class: "file" }, icon("file"), el("b", { dir: "auto", text: title })));
  return el("li", { class: "line" }, face(role, name), el("div", { class: "said" }, head(role, name, at), words(text), attached));
}

function transcript(post) {
  const page = post.pages > 1 ? ` · part ${post.page} of ${post.pages}` : "";
  const title = el("h4", {}, `The whole conversation so far${page}`);
  return el("section", { class: "post transcript" }, title, el("ol", {}, post.entries.map(entry)));
}

function notice(post) {
  const kind = post.loud ? "notice loud" : "notice";
  return el("div", { class: `post ${kind}` }, icon("info"), words(post.text), time(post.at));
}

function markOf(post) {
  if (post.note || post.role !== "teammate" || post.deleted) return null;
  const [shape, label] = MARKS[post.mark] || [null, "On its way"];
  return el("p", { class: `mark ${post.mark || "none"}` }, shape && icon(shape), el("span", { text: label }));
}

function tools(post, { edit, remove }) {
  const sure = el("button", { type: "button", class: "button danger", text: "Delete for the customer too", click: () => remove(post) });
  const stay = el("button", { type: "button", class: "button", text: "Keep it", click: () => close() });
  const question = el("span", { class: "sure", hidden: true }, sure, stay);
  const pen = iconButton("edit", "Edit this post", () => edit(post));
  const bin = iconButton("bin", "Delete this post", () => {
    question.hidden = false;
    pen.hidden = bin.hidden = true;
    sure.focus();
  });
  if (post.note) sure.textContent = "Delete the note";
  function close() {
    question.hidden = true;
    pen.hidden = bin.hidden = false;
    bin.focus();
  }
  return el("span", { class: "tools" }, pen, bin, question);
}

function editor(post, { save, cancel }) {
  const field = el("textarea", { rows: "2", "aria-label": "Edit this post", dir: "auto" });
  field.value = post.text;
  const done = () => save(post, field.value);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") cancel(post);
    else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      done();
    }
  });
  const buttons = el(
    "span",
    { class: "row" },
    el("button", { type: "button", class: "button main", text: "Save", click: done }),
    el("button", { type: "button", class: "button", text: "Cancel", click: () => cancel(post) }),
  );
  queueMicrotask(() => field.focus());
  return el("div", { class: "editor" }, field, buttons);
}

function message(post, deeds) {
  const note = post.note && el("span", { class: "side note-sign" }, icon("lock"), "Note, for the team only");
  const edited = post.edited && el("small", { text: "edited" });
  const gone = el("p", { class: "gone", text: post.note ? "This note was deleted." : "This reply was deleted, for the customer too." });
  const editing = deeds.editing === post.id;
  const body = post.deleted ? gone : editing ? editor(post, deeds) : words(post.text);
  const own = post.teammate && post.teammate === deeds.who && !post.deleted && !editing;
  const kind = post.note ? "note" : post.role;
  return el(
    "section",
    { class: `post line ${kind}` },
    face(post.role, post.name),
    el("div", { class: "said" }, head(post.role, post.name, post.at, [note, edited]), body, post.deleted ? null : post.files.map((one) => file(post, one)), markOf(post)),
    own && tools(post, deeds),
  );
}

const DRAWN = { transcript, notice, message };

/** Draw one post; `deeds` are what can be done to it, by whom, and which one is being edited. */
export function drawPost(post, deeds) {
  return DRAWN[post.kind](post, deeds);
}

/** Words of the bridge that only the one in front of the page sees. */
export function drawWhisper({ id, text }, away) {
  return el(
    "div",
    { class: "post whisper" },
    icon("info"),
    el("div", {}, el("p", { class: "who" }, el("b", { text: "Only you can see this" })), words(text)),
    iconButton("close", "Dismiss", () => away(id)),
    heard(""),
  );
}
