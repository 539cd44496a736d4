// What stands in the log, from top to bottom, as plain values: what belongs together, where time
// passed, what is still on its way. No DOM.

import * as keep from "./keep.js";
import { chat } from "./page.js";

const PAUSE = 1800000;

/** Messages as items, with the time where some has passed. */
export function messageItems(list) {
  let before = 0;
  return list.flatMap((message) => {
    const { id, sent_at } = message;
    const at = Date.parse(sent_at);
    const item = { kind: "message", key: id, message };
    const isLater = at - before > PAUSE;
    before = at;
    return isLater ? [{ kind: "time", key: sent_at, at }, item] : [item];
  });
}

/** What is not a message yet, in the form of one. */
const hint = (kind, key, role, more) => ({ kind, key, message: { role, ...more } });

/** The messages in `list`, then what is unsent, being written, or asked. */
export function timeline(list) {
  const items = messageItems(list);
  const pending = chat.entries.filter(({ shadow }) => !list.some(({ id }) => id === shadow));
  const { draft, draftKey, typing, rows } = chat;
  const last = items.findLast(({ message }) => message && message.role !== "system");
  if (last?.message.role === "customer") last.state = "sent";
  items.push(
    ...pending.map((e) => ({ ...hint("message", e.client_id, "customer", e), state: e.state })),
  );
  if (draft) items.push(hint("draft", draftKey, "assistant", { text: draft }));
  else if (typing) items.push(hint("typing", "typing", typing.role, typing));
  if (keep.get("rate")) items.push({ kind: "rating", key: "rating" });
  for (const item of items) item.key = rows[item.key] || item.key;
  return items;
}

/** Whether an item begins a group: somebody else spoke before. */
export const isFirst = ({ message }, before) =>
  !before?.message ||
  before.message.role !== message?.role ||
  before.message.author?.name !== message.author?.name;
