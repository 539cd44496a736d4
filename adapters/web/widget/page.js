// What everything else shares: the page has one widget, the widget one conversation.

const script = document.currentScript;

/** The address of the bridge, which is where this script came from; ends in a slash. */
export const base = new URL(".", script.src).href;

/** What the script tag says about the widget. */
export const settings = script.dataset;

/** How every conversation begins. */
export const START = { floor: "assistant", epoch: 0 };

/** What is known of the conversation. The view reads it; `changed` tells it to look again. */
export const chat = {
  ready: false, // the bridge is known to be there
  loaded: false, // the history is here
  config: {}, // what the bridge says about itself
  state: START, // as in GET /v1/conversation
  entries: [], // messages the bridge has not confirmed
  rows: {}, // message id → key of the row that announced it, which it takes over
  unread: 0,
  lostAt: 0, // since when the bridge is out of reach
  cut() {}, // ends the stream that is open
};

/** The element that stands for the widget, and what draws it anew. */
export let element;
let draw;
let isDue;

/** Say which element that is, once there is one. */
export function settle(value, redraw) {
  element = value;
  draw = redraw;
}

/** Raise a public event. */
export const emit = (name, detail) =>
  element?.dispatchEvent(
    new CustomEvent("handoff:" + name, { detail, bubbles: true, composed: true }),
  );

/** Something changed; many changes in one turn are drawn once. */
export function changed() {
  if (!isDue) queueMicrotask(drawNow);
  isDue = true;
}

function drawNow() {
  isDue = false;
  draw();
}
