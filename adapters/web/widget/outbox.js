// Messages of the customer that the bridge has not confirmed. Each keeps its client_id through
// every attempt and every reload, so that the bridge takes it once. One at a time, in order.
// An entry's state is "sending", "failed" (will be tried again) or "refused" (only by hand).

import { guard, later } from "./guard.js";
import { call } from "./http.js";
import * as keep from "./keep.js";
import { confirm } from "./news.js";
import { changed, chat } from "./page.js";
import { backOff } from "./patience.js";
import { ensure, mend } from "./session.js";

const KEY = "out ";

let isBusy;
let attempts = 0;
let openAt = 0; // the bridge asked for patience until then
let timer;

/** A name no other message has; crypto.randomUUID exists on secure pages only. */
const uniqueId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");

/** What an earlier page could not send. */
export function restore() {
  chat.entries = keep
    .keys(KEY)
    .map(keep.get)
    .sort((a, b) => a.at - b.at);
}

export function discard(entry) {
  keep.remove(KEY + entry.client_id);
  chat.entries = chat.entries.filter((other) => other !== entry);
  changed();
}

function mark(entry, state) {
  entry.state = state;
  changed();
}

async function attempt(entry) {
  const { client_id, text, attachments } = entry;
  mark(entry, "sending");
  try {
    await ensure();
    const files = attachments.map(({ id }) => id);
    const answer = await call("v1/messages", { client_id, text, attachments: files });
    attempts = 0;
    if (chat.entries.includes(entry)) confirm(entry, answer);
    discard(entry);
  } catch (trouble) {
    mark(entry, trouble.kind === "refused" ? "refused" : "failed");
    openAt = Date.now() + (trouble.after || 0);
    await mend(trouble);
  }
}

function schedule(wait) {
  clearTimeout(timer);
  timer = later(wait, flush);
}

/** Send what waits, unless the bridge asked for patience; then send it when that is over. */
export const flush = guard(async () => {
  const entry = chat.entries.find(({ state }) => state !== "refused");
  const wait = openAt - Date.now();
  if (isBusy || !entry) return;
  if (wait > 0) return schedule(wait);
  isBusy = true;
  await attempt(entry);
  isBusy = false;
  if (entry.state === "failed") schedule(Math.max(backOff(attempts++), openAt - Date.now()));
  else flush();
});

export function retry(entry) {
  mark(entry, "sending");
  flush();
}

export function add(text, attachments) {
  const entry = { client_id: uniqueId(), text, attachments, at: Date.now() };
  chat.entries.push(entry);
  keep.set(KEY + entry.client_id, entry);
  retry(entry);
}
