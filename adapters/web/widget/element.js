// <handoff-chat>: the element a page sees. Attributes in, methods in, events out; nothing thrown.
// A page has one widget: a second element stays empty.

import { boot, connect, escalate, introduce, leave, reset, resume, send } from "./actions.js";
import { write } from "./composer.js";
import { locales, tell } from "./customer.js";
import { guard } from "./guard.js";
import { restore } from "./outbox.js";
import { chat, element, settle } from "./page.js";
import { draw, isOpen, toggle, view } from "./panel.js";
import styles from "./styles/index.css";
import { speak } from "./texts.js";
import { dark, paint } from "./theme.js";

const ATTRIBUTES = ["locale", "accent", "position", "theme", "identity"];
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

let root;
let isWanted;

function dress() {
  const { accent, position, theme } = { accent: chat.config.accent, ...element.dataset };
  root.dataset.position = position;
  paint(root, accent, theme);
}

function build() {
  speak(locales());
  root = view(element);
  element.shadowRoot.replaceChildren(root);
  redraw();
}

/** Draw what changed; open as soon as the bridge is known to be there, if that was wanted. */
const redraw = guard(() => {
  dress();
  draw();
  if (chat.ready && isWanted) toggle(true, true);
  isWanted &&= !chat.ready;
});

function start() {
  restore();
  build();
  const again = guard(() => element.isConnected && resume());
  for (const type of ["pageshow", "online"]) addEventListener(type, again);
  document.addEventListener("visibilitychange", again);
  addEventListener("pagehide", guard(leave));
  dark.onchange = redraw;
  boot();
}

export class HandoffChat extends HTMLElement {
  static observedAttributes = ATTRIBUTES.map((name) => "data-" + name);

  connectedCallback() {
    guard(() => {
      if (element === this) return resume();
      if (element) return;
      settle(this, redraw);
      this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
      start();
    })();
  }

  disconnectedCallback() {
    if (element === this) guard(leave)();
  }

  attributeChangedCallback(name) {
    if (element !== this) return;
    guard(() => {
      const wasOpen = isOpen();
      if (name === "data-identity") return introduce();
      if (name === "data-locale") build();
      toggle(wasOpen);
      redraw();
    })();
  }

  /** Show the panel, as soon as the bridge is known to be there, and put the focus into it. */
  open() {
    isWanted = true;
    if (element) redraw();
  }

  /** Hide the panel. */
  close() {
    isWanted = false;
    guard(toggle)(false);
  }

  /** Say with a token signed by the site who the customer is. */
  identify(identity) {
    this.setContext({ identity });
  }

  /** Tell more about the customer: name, email, locale, page_url, and whatever the site knows. */
  setContext(more) {
    guard(() => {
      tell(more);
      return introduce();
    })();
  }

  /** Send a message in the customer's name. */
  send(text) {
    guard(() => {
      if (!text?.trim()) throw new TypeError("send: text is empty; give what the customer says");
      send(text.trim(), []);
    })();
  }

  /** Ask for a person. */
  escalate() {
    guard(escalate)();
  }

  /** Forget the conversation on this device; the next message begins a new one. */
  reset() {
    guard(() => {
      write("");
      reset();
      if (isOpen()) connect();
    })();
  }
}
