// The scrolling log: keeps to the newest line while the customer is there, and leaves them in
// peace while they read further up.

import { div, el, iconButton, reconcile, say } from "./dom.js";
import { later } from "./guard.js";
import { chat } from "./page.js";
import { toRow } from "./rows.js";
import { t } from "./texts.js";
import { timeline } from "./timeline.js";

const NEAR = 60;

let hello;
let rows;
let scroller;
let jump;
let isAtEnd = true;
let first = 0;
let heard;
let quiet;

function onscroll() {
  isAtEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR;
  if (isAtEnd) jump.hidden = true;
}

/** Go to the newest line. */
export function toEnd() {
  isAtEnd = jump.hidden = true;
  scroller.scrollTop = scroller.scrollHeight;
}

/** Screen readers hear what is added, but neither the history nor rows that only moved. */
function announce(isMoved) {
  rows.ariaBusy = String(!!chat.draft);
  if (!isMoved) return;
  rows.ariaLive = "off";
  clearTimeout(quiet);
  quiet = later(500, () => (rows.ariaLive = "polite"));
}

/** Show these messages, and what is being written or asked below them. */
export function drawLog(list) {
  const last = list.at(-1)?.seq;
  announce(!chat.loaded || first !== list[0]?.seq);
  first = list[0]?.seq;
  hello.hidden = last || chat.entries[0];
  say(hello, t("hello"));
  reconcile(rows, timeline(list).map(toRow));
  if (isAtEnd) toEnd();
  else if (last > heard) jump.hidden = false;
  heard = last;
}

/** Make the log. */
export function logView() {
  hello = div("hello");
  rows = el("div", { className: "rows", role: "log", ariaRelevant: "additions" });
  scroller = el("div", { className: "scroller", tabIndex: 0, onscroll }, hello, rows);
  jump = iconButton("icon jump", "down", t("newer"), toEnd);
  // A picture that arrives, or a keyboard that opens, must not push the last line out of sight.
  const watch = new ResizeObserver(() => isAtEnd && toEnd());
  watch.observe(rows);
  watch.observe(scroller);
  return div("talk", scroller, jump);
}
