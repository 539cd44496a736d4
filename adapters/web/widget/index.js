// The script a page includes: defines <handoff-chat>, and adds one at the end of the body unless
// the page has written its own.

import { HandoffChat } from "./element.js";
import { settings } from "./page.js";

const TAG = "handoff-chat";

function add() {
  if (document.querySelector(TAG)) return;
  const element = document.createElement(TAG);
  Object.assign(element.dataset, settings);
  document.body.append(element);
}

if (!customElements.get(TAG)) {
  customElements.define(TAG, HandoffChat);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", add);
  else add();
}
