// What comes from the bridge: messages, the state, and hints that may be lost.

import { setDraft, setTyping, settle } from "./hints.js";
import { call } from "./http.js";
import * as keep from "./keep.js";
import { START, changed, chat, emit } from "./page.js";

const PAGE = 200;

// The messages as the customer sees them. One is known by its id; the newest change wins,
// whichever way it came.
const known = new Map();
let cursor = 0;
let told = 0;
let looking;

/** The messages in their order. */
export const messages = () => [...known.values()].sort((a, b) => a.seq - b.seq);

const lastSeq = () => messages().at(-1)?.seq || 0;

/** Where to ask on from: everything before it is known. */
export const getCursor = () => cursor;

/** Another conversation begins. */
export function forget() {
  chat.cut();
  known.clear();
  cursor = told = 0;
  Object.assign(chat, { state: START, loaded: false, rows: {} });
  setTyping();
  setDraft();
  ["read", "with", "rate"].forEach(keep.remove);
}

/** Take a message, unless a newer version of it is known; the page hears of what is no history. */
function put(message) {
  const { id, role } = message;
  const before = known.get(id);
  if (before?.cursor >= message.cursor) return;
  known.set(id, message);
  if (!before && role === "customer") chat.loaded && shadow(message);
  else if (!before) announce(id, settle(role));
  if (chat.loaded || before) emit("message", message);
}

const announce = (id, key) => key && (chat.rows[id] = key);

/** What the customer just wrote may come back before the bridge has answered the request. */
function shadow({ id, text, client_id }) {
  const entry = chat.entries.find(
    (one) => !one.shadow && (client_id ? client_id === one.client_id : text === one.text),
  );
  if (!entry) return;
  entry.shadow = id;
  announce(id, entry.client_id);
}

/** The bridge took an unsent message: it is one of the conversation now. */
export function confirm(entry, { id, seq }) {
  announce(id, entry.client_id);
  const sent_at = new Date(entry.at).toISOString();
  if (!known.has(id)) known.set(id, { ...entry, id, seq, cursor: 0, role: "customer", sent_at });
  if (chat.state.floor === "assistant" && lastSeq() === seq)
    setTyping({ role: "assistant" }, 20000);
}

function takeState(state) {
  const before = chat.state;
  if (state.epoch < before.epoch || JSON.stringify(state) === JSON.stringify(before)) return;
  chat.state = state;
  const { floor } = state;
  if (floor !== "assistant") setDraft();
  rememberPerson(floor);
  emit("state", state);
  changed();
}

/** A talk with a person is remembered until it is over; then the customer may rate it. */
function rememberPerson(floor) {
  const isOver = keep.get("with") && floor !== "waiting" && floor !== "teammate";
  if (floor === "teammate") keep.set("with", true);
  if (isOver) keep.set("rate", true);
  if (isOver) keep.remove("with");
}

/** The state as the bridge sees it now. */
export const refresh = async () => takeState(await call("v1/conversation"));

/** Fetch every message after the cursor, and the state. */
export async function catchUp() {
  for (let page = { more: true }; page.more;) {
    page = await call(`v1/messages?after=${cursor}&limit=${PAGE}`);
    page.messages.forEach(put);
    cursor = Math.max(cursor, page.cursor);
  }
  await refresh();
  chat.loaded = true;
  look();
}

/** What to do with each event of the stream. */
export const news = {
  message(message) {
    put(message);
    cursor = Math.max(cursor, message.cursor);
    look();
  },
  state: takeState,
  draft: ({ text, epoch }) => epoch === chat.state.epoch && setDraft(text),
  typing: ({ role, name }) => setTyping({ role, author: { name } }),
};

/** Keep count of what was read while the customer looks (now, as before, or not), and what not. */
export function look(now = looking) {
  looking = now;
  const last = lastSeq();
  if (looking && !document.hidden && last > told) {
    keep.set("read", (told = last));
    call("v1/read", { seq: last }).catch(() => (told = 0));
  }
  const isUnread = ({ seq, role, deleted }) =>
    seq > keep.get("read") && !deleted && /assistant|teammate/.test(role);
  const count = messages().filter(isUnread).length;
  if (count !== chat.unread) emit("unread", { count: (chat.unread = count) });
  changed();
}

/**
 * How many messages at the start of `list` are the talk before a person came: all up to the last
 * words of the assistant, which is silent from the moment the customer waits.
 */
export const earlierCount = (list, { floor }) =>
  floor === "teammate" ? list.findLastIndex(({ role }) => role === "assistant") + 1 : 0;
