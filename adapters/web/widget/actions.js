// What the customer, or the page for the customer, can do with the conversation.

import { guard, later } from "./guard.js";
import { authorize, call, open, request } from "./http.js";
import * as keep from "./keep.js";
import { catchUp, forget, look, refresh } from "./news.js";
import { add, flush, restore } from "./outbox.js";
import { changed, chat, emit } from "./page.js";
import { backOff, pause, wake } from "./patience.js";
import { ensure, isKnown, renew } from "./session.js";
import { linked, listen } from "./stream.js";

const TYPING_EVERY = 3000;
const AWAY_AFTER = 60000;

let typedAt = 0;
let awayTimer;
let connecting;

/** Open the session, fetch the history and follow the news; once. */
async function enter() {
  await ensure();
  if (chat.loaded) return;
  await catchUp();
  listen(true);
  flush();
}

/** Do `work` again and again, ever more slowly, until it succeeds. */
async function insist(work, attempt = 0) {
  try {
    await work();
  } catch (trouble) {
    if (chat.ready) linked(false);
    await pause(Math.max(backOff(attempt), trouble.after || 0));
    await insist(work, attempt + 1);
  }
}

/** Be connected, sooner or later. */
export function connect() {
  connecting ||= insist(enter).finally(() => (connecting = null));
}

/** A customer we know is connected at once; for others it is enough that the bridge is there. */
export const boot = () =>
  insist(async () => {
    await (isKnown() || chat.entries[0] ? enter() : open("healthz"));
    chat.ready = true;
    emit("ready");
    changed();
  });

export function send(text, attachments) {
  add(text, attachments);
  connect();
}

async function ask(path) {
  await enter();
  await call(path, {});
  await refresh();
}

export const escalate = () => ask("v1/escalate");

export const back = () => ask("v1/return");

/** The customer is typing; told at most every few seconds. */
export function type() {
  if (Date.now() - typedAt < TYPING_EVERY || !chat.id) return;
  typedAt = Date.now();
  guard(call)("v1/typing", {});
}

export async function rate(score, comment) {
  const rating = { about: "teammate", score, comment: comment || undefined };
  await call("v1/rating", rating);
  emit("rating", rating);
}

export async function upload(file) {
  await enter();
  const form = new FormData();
  form.append("file", file, file.name);
  return call("v1/files", form);
}

export const download = async (id) => (await request("v1/files/" + encodeURIComponent(id))).blob();

/** Tell the bridge anew who the customer is; another conversation may be theirs. */
export async function introduce() {
  if (!chat.id) return;
  await renew();
  if (!chat.loaded) leave();
  await enter();
}

export const leave = () => listen(false);

/** The page is in use again, or not: who does not look for a while needs no news. */
export function resume() {
  clearTimeout(awayTimer);
  wake();
  if (!chat.loaded) return;
  if (document.hidden) awayTimer = later(AWAY_AFTER, leave);
  else listen(true);
  flush();
  look();
}

export function reset() {
  leave();
  forget();
  keep.wipe();
  restore();
  authorize();
  chat.id = chat.lostAt = 0;
  look();
}
