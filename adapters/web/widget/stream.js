// News from the bridge: server-sent events, read with fetch so that heartbeats, refusals and
// Retry-After are seen. Where a stream cannot be had the same news is asked for by polling.
// Nothing is lost between two connections: each begins after the cursor of the last message seen.

import { createParser } from "./events.js";
import { guard, later } from "./guard.js";
import { call, open } from "./http.js";
import { catchUp, getCursor, news } from "./news.js";
import { flush } from "./outbox.js";
import { changed, chat } from "./page.js";
import { backOff, pause, wake } from "./patience.js";
import { mend } from "./session.js";

const SILENCE = 40000; // two heartbeats at least; a stream so silent is dead, or held by a proxy
const BLOCKED = 3; // streams in a row that stayed silent although the bridge answers
const POLL = 3000;
const POLLS_BEFORE_STREAM = 20;

/** How long the bridge must be out of reach to be worth a word. */
export const OUTAGE = 6000;

let current; // the loop that runs now
let failures = 0;
let comeBack = 0; // the bridge spreads those who come again
let blocked = 0;
let polls = 0;

/** The bridge can be reached, or not. */
export function linked(isUp) {
  if (isUp) flush();
  if (isUp === !chat.lostAt) return;
  chat.lostAt = isUp ? 0 : Date.now();
  later(isUp ? 0 : OUTAGE, changed);
}

function heard() {
  if (!blocked) return;
  failures = blocked = 0;
  linked(true);
  if (!chat.loaded) guard(catchUp)();
}

function takeEvent(name, data) {
  const value = JSON.parse(data);
  if (name === "retry") comeBack = value;
  else news[name]?.(value);
}

/** Follow one stream until it ends or falls silent. */
async function follow() {
  const { ticket } = await call("v1/stream-tickets", {});
  const controller = new AbortController();
  chat.cut = () => controller.abort();
  let calm = later(SILENCE, chat.cut);
  blocked += 1;
  try {
    const path = `v1/stream?ticket=${encodeURIComponent(ticket)}&after=${getCursor()}`;
    const { body } = await open(path, { signal: controller.signal });
    const parse = createParser(guard(takeEvent));
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece; !(piece = await reader.read()).done; parse(piece.value)) {
      clearTimeout(calm);
      calm = later(SILENCE, chat.cut);
      heard();
    }
  } finally {
    clearTimeout(calm);
  }
}

/** One try at getting news; returns how long to wait before the next. */
async function round() {
  let after = comeBack;
  try {
    if (blocked >= BLOCKED && ++polls % POLLS_BEFORE_STREAM) {
      await catchUp();
      linked(true);
      return POLL;
    }
    await follow();
  } catch (trouble) {
    after = trouble.after ?? comeBack;
    if (blocked) guard(catchUp)();
    await mend(trouble);
  }
  linked(false);
  return Math.max(backOff(failures++), after);
}

const run = guard(async () => {
  const mine = (current = {});
  while (mine === current) await pause(await round());
});

/** Get the news from now on, or not; asked again: try now. */
export function listen(wanted) {
  failures = 0;
  if (!wanted) {
    current = null;
    chat.cut();
  } else if (current) wake();
  else run();
}
