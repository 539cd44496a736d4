// The team's desk: rooms and threads at the side, the open thread with its card on top.

import { createComposer } from "./composer.js";
import { drawCard, stateSign } from "./card.js";
import { ago, el, heard, icon, reconcile, say } from "./dom.js";
import { drawPost, drawWhisper } from "./posts.js";

const NEAR_END = 120;

function emptyRoom() {
  return el(
    "div",
    { class: "nobody" },
    el("span", { class: "nobody-sign", "aria-hidden": "true" }, icon("hash")),
    el("h3", { text: "Nobody has asked for a person yet" }),
    el("p", { text: "When the customer does, a thread opens here by itself, with the whole conversation in it." }),
  );
}

/** Return the desk for `room`; call `render` after each change. */
export function createDesk(root, room) {
  const fold = { folded: matchMedia("(max-height: 800px)").matches };
  let editing = null;
  let shownThread = null;

  const people = el("fieldset", { class: "people" });
  const list = el("ul", { class: "threads" });
  const rooms = el("nav", { class: "side-bar", "aria-label": "Threads" }, list);
  const cardPlace = el("div", { class: "card-place" });
  const log = el("div", { class: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": "Thread", tabindex: "0" });
  const typing = el("p", { class: "typing", role: "status" });
  const link = el("p", { class: "link", role: "status" });
  const composer = createComposer({ send: (...what) => room.send(...what), typed: () => room.typed() });
  const closed = el("p", { class: "closed" });
  const thread = el("div", { class: "thread" }, cardPlace, log, typing, closed, composer.root);
  const empty = emptyRoom();
  const title = el("h2", { class: "desk-title" }, icon("hash"), el("span", { text: "support" }), heard(", the team’s room"));

  root.replaceChildren(
    el("header", { class: "desk-head" }, title, link, people),
    el("div", { class: "desk-body" }, rooms, el("div", { class: "desk-main" }, empty, thread)),
  );

  const deeds = () => ({
    who: room.who,
    editing,
    edit: (post) => setEditing(post.id),
    cancel: (post) => setEditing(null, post.id),
    remove: (post) => room.remove(post),
    async save(post, text) {
      if (text.trim() && text !== post.text && !(await room.edit(post, text))) return;
      setEditing(null, post.id);
    },
  });

  function setEditing(id, focusOn) {
    editing = id;
    render();
    const post = [...log.children].find((node) => node.itemKey === focusOn);
    post?.querySelector(".tools button")?.focus();
  }

  function renderPeople() {
    const key = room.teammates.map(({ id }) => id).join() + room.who;
    if (people.itemMark === key) return;
    people.itemMark = key;
    const choices = room.teammates.map(({ id, label }) => {
      const input = el("input", { type: "radio", name: "who", value: id, checked: id === room.who, change: () => room.setWho(id) });
      return el("label", {}, input, el("span", { text: label }));
    });
    const held = people.contains(document.activeElement);
    people.replaceChildren(el("legend", { text: "Answering as" }), ...choices);
    if (held) people.querySelector(":checked").focus();
  }

  function threadItem({ id, card }) {
    const current = id === room.openId;
    const unread = room.unread(id);
    const name = el("b", { dir: "auto", text: card.customer });
    const line = el("span", { class: "thread-line" }, name, el("small", { text: ago(card.requested_at) }));
    const inside = el("span", { class: "thread-item" }, line, el("span", { class: "thread-reason", text: card.reason }), stateSign(card));
    const button = el("button", { type: "button", "aria-current": current ? "true" : null, click: () => room.open(id) }, inside, unread && heard(" · new posts"));
    return el("li", { class: unread ? "unread" : "" }, button);
  }

  function renderThreads() {
    const items = room.threads.map((one) => ({
      key: one.id,
      mark: JSON.stringify([one.card, one.id === room.openId, room.unread(one.id), ago(one.card.requested_at)]),
      make: () => threadItem(one),
    }));
    const held = list.contains(document.activeElement) && document.activeElement.closest("li").itemKey;
    reconcile(list, items);
    if (held && !list.contains(document.activeElement)) {
      [...list.children].find((node) => node.itemKey === held)?.querySelector("button").focus();
    }
  }

  function renderCard({ card }) {
    const mark = JSON.stringify([card, ago(card.requested_at)]);
    if (cardPlace.itemMark === mark) return;
    const verb = document.activeElement?.dataset?.verb;
    const held = verb && cardPlace.contains(document.activeElement);
    cardPlace.itemMark = mark;
    cardPlace.replaceChildren(drawCard(card, (name) => room.act(name), fold));
    if (held) (cardPlace.querySelector(`[data-verb="${verb}"]`) || cardPlace.querySelector("summary")).focus();
  }

  function postItems() {
    const doing = deeds();
    const posts = room.postsOf(room.openId).map((post) => ({
      key: post.id,
      mark: JSON.stringify([post, post.teammate === room.who, editing === post.id]),
      make: () => drawPost(post, doing),
    }));
    const whispers = room.whispers.map((one) => ({
      key: one.id,
      mark: one.id,
      make: () => drawWhisper(one, (id) => room.unwhisper(id)),
    }));
    return [...posts, ...whispers];
  }

  function renderPosts() {
    const isOther = shownThread !== room.openId;
    const atEnd = isOther || log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_END;
    const last = log.lastElementChild;
    log.setAttribute("aria-busy", String(isOther));
    reconcile(log, postItems());
    shownThread = room.openId;
    const mine = log.lastElementChild !== last && room.postsOf(room.openId).at(-1)?.teammate === room.who;
    if (atEnd || mine) toEnd(isOther ? "auto" : "smooth");
    queueMicrotask(() => log.setAttribute("aria-busy", "false"));
  }

  function toEnd(behavior) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    log.scrollTo({ top: log.scrollHeight, behavior: calm ? "auto" : behavior });
  }

  function render() {
    say(link, room.linked ? "" : "Reconnecting…");
    renderPeople();
    renderThreads();
    const open = room.thread;
    rooms.hidden = !room.threads.length;
    empty.hidden = Boolean(open) || !room.ready;
    thread.hidden = !open;
    if (!open) return;
    composer.show(open.id);
    renderCard(open);
    renderPosts();
    say(typing, room.customerTypes ? `${open.card.customer} is typing…` : "");
    say(closed, open.card.is_open ? "" : "This handoff is over. A reply opens the talk with a person again.");
  }

  setInterval(() => room.ready && render(), 20000);
  return { render, composer, isWriting: () => editing !== null || composer.isWriting() };
}
