// The talk with the assistant before a person came: pinned on top, folded, marked as seen by them.

import { div, el, icon, reconcile, say } from "./dom.js";
import { nameOf } from "./faces.js";
import { chat } from "./page.js";
import { toRow } from "./rows.js";
import { t } from "./texts.js";
import { messageItems } from "./timeline.js";

let node;
let title;
let seen;
let inside;
let messages;

function fill() {
  if (node.open) reconcile(inside, messageItems(messages).map(toRow));
}

/** Show these messages in the fold; without any there is no fold. */
export function drawEarlier(list) {
  messages = list;
  const said = list.filter(({ role, deleted }) => role !== "system" && !deleted);
  node.hidden = !said[0];
  say(title, t("earlier") + " · " + t("many", said.length));
  say(seen, "✓ " + t("seen", nameOf("teammate", chat.state.handoff?.teammate)));
  fill();
}

/** Make the fold; what is inside is made when it is unfolded. */
export function earlier() {
  title = el("span");
  seen = el("small");
  inside = div("rows");
  inside.tabIndex = 0;
  const summary = el("summary", {}, icon("down"), div("", title, seen));
  return (node = el("details", { ontoggle: fill }, summary, inside));
}
