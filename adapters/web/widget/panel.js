// The launcher and the panel as a dialog: where focus goes, when the page behind is out of reach.
// On wide screens the page stays usable; on small ones the panel fills the screen and is modal.

import { composer, drawComposer, focusComposer, takeFiles } from "./composer.js";
import { connect } from "./actions.js";
import { div, el, icon, iconButton, say, textButton } from "./dom.js";
import { drawEarlier, earlier } from "./earlier.js";
import { drawFloorBar, floorBar } from "./floorbar.js";
import { guard } from "./guard.js";
import { drawLog, logView, toEnd } from "./logview.js";
import { earlierCount, look, messages } from "./news.js";
import { drawNotes, notes } from "./notes.js";
import { chat, emit } from "./page.js";
import { code, direction, t } from "./texts.js";

/** Screens the panel fills; the styles repeat this query. */
const small = matchMedia("(max-width: 480px), (max-height: 420px)");
const viewport = window.visualViewport;

let host;
let launcher;
let badge;
let panel;
let title;
let inert = [];

/** The elements beside the path from `node` up to the body: the page behind the panel. */
function beside(node) {
  if (node === document.body) return [];
  const others = [...node.parentElement.children].filter((other) => other !== node && !other.inert);
  return [...others, ...beside(node.parentElement)];
}

/** The page behind is out of reach exactly while the panel hides it. */
function fence() {
  const isModal = !panel.hidden && small.matches;
  inert.forEach((node) => (node.inert = false));
  inert = isModal ? beside(host) : [];
  inert.forEach((node) => (node.inert = true));
  panel.ariaModal = isModal ? "true" : null;
}

/** The panel ends where the on-screen keyboard begins. */
function fit() {
  panel.style.setProperty("--seen", viewport.height + "px");
  panel.style.setProperty("--above", viewport.offsetTop + "px");
}

/** Open or close the panel; focus goes in and comes back, but only if it was inside. */
export function toggle(isOpen, takeFocus) {
  if (!panel || panel.hidden !== isOpen) return isOpen && takeFocus && focusComposer();
  const hadFocus = panel.matches(":focus-within");
  panel.hidden = !isOpen;
  fit();
  fence();
  look(isOpen);
  draw();
  if (isOpen) connect();
  if (isOpen) toEnd();
  if (takeFocus) focusComposer();
  if (hadFocus) launcher.focus();
  emit(isOpen ? "open" : "close");
}

export const isOpen = () => !panel.hidden;

/** Draw everything as it is now. */
export function draw() {
  const { ready, unread, config } = chat;
  const count = isOpen() ? 0 : unread;
  launcher.hidden = !ready;
  launcher.ariaExpanded = String(isOpen());
  launcher.ariaLabel = t("hello") + (count ? ` ${t("newer")}: ${count}` : "");
  badge.hidden = !count;
  say(badge, String(count));
  say(title, config.name || t("hello"));
  panel.ariaLabel = title.textContent;
  drawNotes();
  if (!isOpen()) return;
  const list = messages();
  const before = earlierCount(list, chat.state);
  drawFloorBar();
  drawEarlier(list.slice(0, before));
  drawLog(list.slice(before));
  drawComposer();
}

function onkeydown(event) {
  if (event.key !== "Escape" || event.isComposing) return;
  event.stopPropagation();
  toggle(false);
}

/** Files may be dropped anywhere on the panel. */
const ondrop = (event) => takeFiles(event, event.dataTransfer);

const ondragover = (event) => event.preventDefault();

/** Make everything one can see, in the language spoken now, as the root for `element`. */
export function view(element) {
  host = element;
  title = el("h1", { dir: "auto" });
  badge = el("span", { className: "badge" });
  launcher = textButton("launcher", [], () => toggle(!isOpen(), true));
  launcher.append(icon("chat"), icon("down"), badge);
  launcher.setAttribute("aria-controls", "panel");
  const close = iconButton("icon", "close", t("close"), () => toggle(false));
  const on = { onkeydown, ondragover, ondrop };
  const parts = [
    el("header", {}, title, close),
    floorBar(),
    earlier(),
    logView(),
    notes(),
    composer(),
  ];
  panel = el(
    "section",
    { id: "panel", className: "panel", role: "dialog", hidden: true, ...on },
    parts.flat(),
  );
  return el("div", { className: "root", lang: code, dir: direction() }, panel, launcher);
}

viewport.onresize = viewport.onscroll = guard(fit);
small.onchange = guard(fence);
