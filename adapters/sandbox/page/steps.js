// The strip that leads a first visitor through one handoff, and ticks itself as things happen.

import { el, heard, icon } from "./dom.js";

const QUESTION = "How long does delivery take?";
const REPLY = "Hello! I can see what you asked. How can I help?";
const KEY = "demo walk";

async function suggest({ room, desk }) {
  await room.open(room.threads[0].id);
  desk.composer.suggest(REPLY);
}

// A step that takes two deeds says in `then` what stands there between them.
const STEPS = [
  {
    name: "Ask",
    text: "You are a customer of this shop. Ask the assistant something.",
    deed: `Ask “${QUESTION}”`,
    act: ({ chat }) => {
      chat.open();
      chat.send(QUESTION);
    },
  },
  {
    name: "Ask for a person",
    text: "Now ask for a person, in any words, or with the button in the chat.",
    deed: "Ask for a person",
    act: ({ chat }) => {
      chat.open();
      chat.escalate();
    },
  },
  {
    name: "Answer as the team",
    text: "A thread has opened at the desk, history and all. Answer in it.",
    deed: "Write a reply for me",
    act: suggest,
    then: {
      text: "The reply is in the box. Press Enter there, or send it from here.",
      deed: "Send it",
      act: async (page) => {
        await page.room.open(page.room.threads[0].id);
        const { root, isWriting } = page.desk.composer;
        if (isWriting()) root.requestSubmit();
        else await suggest(page);
      },
    },
  },
  {
    name: "Hand back",
    text: "The customer has your words. Write on from both sides, or give the assistant its turn back.",
    deed: "Hand back",
    act: ({ room }) => room.act("return"),
  },
];

const DONE = {
  text: [
    "That was the whole loop. Edit a reply, write a note, or start it with ",
    el("code", { text: "--data FOLDER" }),
    " (from a clone: ",
    el("code", { text: 'make demo ARGS="--data FOLDER"' }),
    "), kill it and start it again: nothing is lost.",
  ],
  deed: "Begin again as a new customer",
};

/** How far this browser had come with the room that was made at `born`. */
function load(born) {
  const fresh = { born, since: Date.now(), asked: false };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY));
    return kept?.born === born ? kept : fresh;
  } catch {
    return fresh;
  }
}

/** Return the strip; call `render` after each change of the room. */
export function createSteps(root, { chat, room, desk }) {
  let walk = {};
  let shown = "";
  let begun = -1;

  function keep(changes) {
    walk = { ...walk, ...changes };
    try {
      localStorage.setItem(KEY, JSON.stringify(walk));
    } catch {
      // The strip then begins anew with the page.
    }
  }

  function remember(changes) {
    keep(changes);
    render();
  }

  addEventListener("handoff:message", ({ detail }) => {
    if (detail?.role === "customer" && !walk.asked) remember({ asked: true });
  });

  /** How many steps are done, read from what stands at the desk. */
  function progress() {
    const threads = room.threads.filter(({ id }) => Number(id) / 1000 > walk.since);
    if (!threads.length) return walk.asked ? 1 : 0;
    const answered = threads.some(({ id }) => room.postsOf(id).some((post) => post.teammate && !post.note));
    const over = threads.some(({ card }) => card.state === "handed_back" || card.state === "resolved");
    return answered ? (over ? 4 : 3) : 2;
  }

  function again() {
    chat.reset();
    chat.open();
    remember({ since: Date.now(), asked: false });
  }

  async function perform(step, at) {
    await step.act({ chat, room, desk });
    if (!STEPS[at].then) return;
    begun = at;
    render();
  }

  function pill({ name }, n, at) {
    const isDone = n < at;
    const sign = el("span", { class: "step-sign", "aria-hidden": "true" }, isDone ? icon("check") : String(n + 1));
    const kind = isDone ? "done" : n === at ? "now" : "";
    return el("li", { class: kind, "aria-current": n === at ? "step" : null }, sign, el("span", { text: name }), isDone && heard(", done"));
  }

  function render() {
    if (!room.ready) return;
    if (walk.born !== room.born) keep({ ...load(room.born), ...(walk.asked && { asked: true }) });
    const at = progress();
    if (begun !== at) begun = -1;
    const mark = JSON.stringify([at, walk.since, begun]);
    if (mark === shown) return;
    shown = mark;
    const step = (begun === at && STEPS[at].then) || STEPS[at] || DONE;
    const act = STEPS[at] ? () => perform(step, at) : again;
    const held = root.contains(document.activeElement);
    const button = el("button", { type: "button", class: "button main", text: step.deed, click: act });
    root.replaceChildren(
      el("ol", { class: "pills" }, STEPS.map((one, n) => pill(one, n, at))),
      el("div", { class: "now-step" }, el("p", { role: "status" }, step.text), button),
    );
    if (held) button.focus();
  }

  return { render };
}
