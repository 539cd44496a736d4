// What the desk's page knows, without any DOM: threads, posts, who answers, what is open.

import { api, openLine, Refusal } from "./api.js";

const TYPING_SHOWN = 4000;
const TYPING_TOLD_EVERY = 2500;

const keep = {
  get: (name) => {
    try {
      return sessionStorage.getItem("desk " + name);
    } catch {
      return null;
    }
  },
  set: (name, value) => {
    try {
      sessionStorage.setItem("desk " + name, value);
    } catch {
      // Kept for this page only, then.
    }
  },
};

/**
 * Return the room; `onChange` is called, at most once a turn, when something is to be drawn. A new
 * thread opens by itself unless `isWriting()` in another.
 */
export function createRoom(onChange, isWriting) {
  const threads = new Map();
  const posts = new Map();
  const looked = new Map();
  const whispers = [];
  let line = null;
  let cursor = 0;
  let due = false;
  let typedAt = 0;
  let typing = 0;

  const room = {
    ready: false,
    born: "",
    linked: true,
    teammates: [],
    who: keep.get("who"),
    openId: null,
    whispers,

    /** Threads, the newest first. */
    get threads() {
      return [...threads.values()].sort((a, b) => Number(b.id) - Number(a.id));
    },
    get thread() {
      return threads.get(room.openId);
    },
    /** The posts of a thread that are known, in their order. */
    postsOf: (id) => [...(posts.get(id)?.values() || [])].sort((a, b) => Number(a.id) - Number(b.id)),
    get customerTypes() {
      return typing > Date.now();
    },
    unread: (id) => id !== room.openId && (looked.get(id) || 0) < newest(id),

    async start() {
      await refill();
      line = openLine(
        () => `/sandbox/stream?after=${cursor}${room.openId ? `&thread=${room.openId}` : ""}`,
        take,
        (up) => {
          if (room.linked === up) return;
          room.linked = up;
          changed();
        },
      );
    },

    setWho(id) {
      room.who = id;
      keep.set("who", id);
      changed();
    },

    async open(id) {
      if (id === room.openId || !threads.has(id)) return;
      const before = room.openId;
      room.openId = id;
      typing = 0;
      whispers.length = 0;
      try {
        await fill(id);
        line?.reopen();
      } catch (error) {
        room.openId = before;
        room.whisper(error.message);
      }
    },

    send: (text, note, files) =>
      tell(note ? api.note(room.openId, room.who, text) : api.reply(room.openId, room.who, text, files)),
    edit: (post, text) => tell(api.edit(post.id, room.who, text)),
    remove: (post) => tell(api.remove(post.id, room.who)),
    act: (verb, target) =>
      tell(api.act(room.openId, room.who, verb, room.thread.card.handoff_id, target)),

    /** The one who answers types; the customer sees it. */
    typed() {
      if (!room.openId || Date.now() - typedAt < TYPING_TOLD_EVERY) return;
      typedAt = Date.now();
      api.typing(room.openId, room.who);
    },

    /** Say something to the one in front of the page only. */
    whisper(text) {
      whispers.push({ id: `whisper ${Date.now()} ${whispers.length}`, text });
      changed();
    },
    unwhisper(id) {
      whispers.splice(whispers.findIndex((one) => one.id === id), 1);
      changed();
    },
  };

  function changed() {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      looked.set(room.openId, newest(room.openId));
      onChange(room);
    });
  }

  const newest = (id) => Math.max(0, Number(id) || 0, ...[...(posts.get(id)?.keys() || [])].map(Number));

  /** Wait for an answer; what only the asker may know is whispered. True when it was taken. */
  async function tell(answer) {
    try {
      const { post, private: whisper } = await answer;
      if (post) putPost(post);
      if (whisper) room.whisper(whisper);
      changed();
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      room.whisper(error.message);
      return false;
    }
  }

  async function refill() {
    const all = await api.room();
    threads.clear();
    posts.clear();
    all.threads.forEach((thread) => putNewest(threads, thread));
    Object.assign(room, { ready: true, born: all.born, teammates: all.teammates });
    if (!all.teammates.some(({ id }) => id === room.who)) room.who = all.teammates[0].id;
    cursor = all.cursor;
    room.threads.forEach(({ id }) => looked.set(id, Date.now() * 1000));
    if (!threads.has(room.openId)) room.openId = room.threads[0]?.id ?? null;
    if (room.openId) await fill(room.openId);
    changed();
  }

  async function fill(id) {
    const { thread, posts: known } = await api.thread(id);
    putNewest(threads, thread);
    known.forEach(putPost);
    changed();
  }

  /** An answer may overtake the live line or be overtaken by it: the newest version stays. */
  function putNewest(known, value) {
    if ((known.get(value.id)?.change ?? 0) <= value.change) known.set(value.id, value);
  }

  function putPost(post) {
    if (!posts.has(post.thread)) posts.set(post.thread, new Map());
    putNewest(posts.get(post.thread), post);
  }

  function take(name, data, number) {
    if (name === "reset") return refill().catch(() => {}).finally(() => line.reopen());
    if (name === "thread") {
      const isNew = !threads.has(data.id);
      putNewest(threads, data);
      if (isNew && !isWriting()) room.open(data.id);
    } else if (name === "post") {
      putPost(data);
      if (data.role === "customer") typing = 0;
    } else if (name === "typing" && data.thread === room.openId) {
      typing = Date.now() + TYPING_SHOWN;
      setTimeout(changed, TYPING_SHOWN + 50);
    }
    if (number) cursor = number;
    changed();
  }

  return room;
}
