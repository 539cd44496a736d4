// Where a teammate writes: a reply to the customer, or a note to the team. The two never look alike.

import { el, icon, iconButton } from "./dom.js";

// As the desk reads it; said early, so that nobody is surprised.
const NOTE = /^[\s*_~>`]*(?:🔒|:lock:|!\s*note\b|!?\s*(?:note|private)[ *_~`]*[:：])/iu;
const COMMAND = /^[\s*_~>`]*[!！]/;
const MAX_FILES = 5;
const EMPTY = { mode: "reply", files: [], text: "" };
const LABELS = {
  reply: ["Reply", "Reply to the customer…"],
  note: ["Note", "A note to the team…"],
};

/** Return the composer; `send(text, isNote, files)` resolves to true when it was taken. */
export function createComposer({ send, typed }) {
  const drafts = new Map();
  let thread = null;
  let mode = "reply";
  let files = [];
  let busy = false;

  const field = el("textarea", { rows: "1", dir: "auto", id: "words", "aria-describedby": "hint" });
  const hint = el("p", { class: "hint", id: "hint" });
  const chips = el("ul", { class: "chips", "aria-label": "Files to send" });
  const picker = el("input", { type: "file", multiple: true, hidden: true, change: pick });
  const clip = iconButton("clip", "Attach a file", () => picker.click());
  const go = el("button", { type: "submit", class: "go", "aria-label": "Send" }, icon("send"));
  const modes = Object.entries(LABELS).map(([name, [label]]) => radio(name, label));
  const toggle = el("fieldset", { class: "modes" }, el("legend", { class: "heard", text: "Who reads it" }), modes);
  const box = el("div", { class: "box" }, clip, picker, field, go);
  const root = el("form", { class: "composer", submit }, el("div", { class: "composer-top" }, toggle, hint), chips, box);

  field.addEventListener("input", changed);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    root.requestSubmit();
  });
  field.addEventListener("paste", ({ clipboardData }) => add([...clipboardData.files]));
  root.addEventListener("dragover", (event) => event.preventDefault());
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    add([...event.dataTransfer.files]);
  });

  function radio(name, label) {
    const input = el("input", { type: "radio", name: "mode", value: name, checked: name === mode, change: () => setMode(name) });
    return el("label", {}, input, el("span", {}, name === "note" && icon("lock"), label));
  }

  function setMode(name) {
    mode = name;
    changed();
    field.focus();
  }

  function put(draft) {
    ({ mode, files } = draft);
    field.value = draft.text;
    root.querySelector(`[value="${mode}"]`).checked = true;
    render();
  }

  function pick() {
    add([...picker.files]);
    picker.value = "";
  }

  function add(more) {
    files = [...files, ...more].slice(0, MAX_FILES);
    changed();
  }

  const isNote = () => mode === "note" || NOTE.test(field.value);

  function says() {
    if (mode === "reply" && NOTE.test(field.value)) return "This begins as a note: it stays with the team.";
    if (mode === "reply" && COMMAND.test(field.value)) return "A command: nothing of it is sent.";
    if (mode === "note") return "Only the team sees it.";
    return "The customer reads it. Enter sends.";
  }

  function changed() {
    if (field.value.trim() && !isNote()) typed();
    render();
  }

  function render() {
    root.classList.toggle("as-note", isNote());
    const words = says();
    if (hint.textContent !== words) hint.textContent = words;
    field.placeholder = LABELS[mode][1];
    field.setAttribute("aria-label", LABELS[mode][1]);
    clip.hidden = isNote();
    go.toggleAttribute("aria-disabled", !field.value.trim() && !files.length);
    grow();
    chips.replaceChildren(...files.map(chip));
  }

  /** Browsers that know `field-sizing` do this themselves. */
  function grow() {
    if (CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    if (field.scrollHeight) field.style.height = Math.min(field.scrollHeight, 160) + "px";
  }

  function chip(file) {
    const away = () => {
      files = files.filter((other) => other !== file);
      changed();
    };
    return el("li", {}, icon("file"), el("span", { text: file.name }), iconButton("close", `Leave out ${file.name}`, away));
  }

  async function submit(event) {
    event.preventDefault();
    const text = field.value.trim();
    if (busy || (!text && !files.length)) return;
    busy = true;
    const where = thread;
    const wasNote = mode === "note";
    const taken = await send(text, wasNote, wasNote ? [] : files).catch(() => false);
    busy = false;
    if (!taken) return;
    drafts.delete(where);
    if (where === thread) put({ ...EMPTY, mode });
  }

  render();
  return {
    root,
    isWriting: () => Boolean(field.value.trim() || files.length),
    /** Put words in, for the one in front of the page to send. */
    suggest(text) {
      put({ ...EMPTY, text });
      field.focus();
    },
    /** Each thread has its own draft, so that no words reach the wrong customer. */
    show(id) {
      if (id === thread) return;
      drafts.set(thread, { mode, files, text: field.value });
      thread = id;
      put(drafts.get(id) || EMPTY);
    },
  };
}
