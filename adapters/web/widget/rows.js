// One row of the log for each item of the timeline.

import { attachment } from "./attachments.js";
import { div, el, textButton } from "./dom.js";
import { face, nameOf } from "./faces.js";
import { markdown } from "./markdown.js";
import { discard, retry } from "./outbox.js";
import { chat } from "./page.js";
import { rating } from "./rating.js";
import { code, t } from "./texts.js";
import { isFirst } from "./timeline.js";

const CALENDAR = { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" };

const time = ({ at }) => div("row time", new Date(at).toLocaleString(code, CALENDAR));

/** The author: seen above a group, heard before every message. */
function who({ message: { role, author } }) {
  const label = { assistant: t("ai"), teammate: t("team") }[role];
  const name = nameOf(role, author);
  return div(
    label ? "who" : "heard",
    el("b", { dir: "auto" }, name),
    label !== name && [" ", el("small", {}, label)],
  );
}

const content = ({ text, attachments = [], deleted }) =>
  deleted ? t("gone") : [...markdown(text || ""), ...attachments.map(attachment)];

/** What went wrong with a message, and what can be done. */
function unsent({ key }) {
  const entry = chat.entries.find(({ client_id }) => client_id === key);
  return div(
    "meta bad",
    el("span", { role: "alert" }, t("failed")),
    textButton("", t("retry"), () => retry(entry)),
    textButton("", t("discard"), () => discard(entry)),
  );
}

function meta(item) {
  const { message, state } = item;
  if (/failed|refused/.test(state)) return unsent(item);
  const sent = { sent: "✓", sending: t("send") + "…" }[state];
  const parts = [message.edited_at && !message.deleted && t("edited"), sent].filter(Boolean);
  return parts[0] && div("meta", parts.join(" · "));
}

function message(item) {
  const { role, author, deleted } = item.message;
  const bubble = div(deleted ? "bubble gone" : "bubble", content(item.message));
  bubble.dir = "auto";
  bubble.ariaBusy = String(item.kind === "draft");
  return div("row " + role, face(role, author), div("stack", who(item), bubble, meta(item)));
}

function typing({ message: { role, author } }) {
  const row = div("row " + role, face(role, author), div("bubble dots", el("i"), el("i"), el("i")));
  row.ariaHidden = "true";
  return row;
}

const makers = { message, draft: message, typing, time, rating };

/** A row keeps its element when its item changes: an answer grows where its draft stood. */
function renew(old, fresh) {
  old?.replaceChildren(...fresh.childNodes);
  return old || fresh;
}

/** Return the row of an item, for `reconcile`. */
export const toRow = (item, n, items) => ({
  key: item.key,
  mark: JSON.stringify(item),
  make: (old) => renew(old, makers[item.kind](item)),
  isFirst: isFirst(item, items[n - 1]),
});
