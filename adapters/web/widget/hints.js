// What may be lost and is never stored: who is typing, and the answer the assistant is writing.

import { later } from "./guard.js";
import { changed, chat } from "./page.js";

const TYPING_LASTS = 6000;
const DRAFT_LASTS = 30000;

let drafts = 0;
let typingTimer;
let draftTimer;

/** Someone ({role, author}) is typing, or nobody any more. */
export function setTyping(who, lasts = TYPING_LASTS) {
  clearTimeout(typingTimer);
  chat.typing = who;
  if (who) typingTimer = later(lasts, () => setTyping());
  changed();
}

/** The answer so far; its row has a key of its own. */
export function setDraft(text) {
  clearTimeout(draftTimer);
  if (text && !chat.draft) chat.draftKey = "draft" + ++drafts;
  chat.draft = text;
  if (text) {
    chat.typing = null;
    draftTimer = later(DRAFT_LASTS, () => setDraft());
  }
  changed();
}

/** A whole message came: returns the key of the row it takes over, if it had been drafted. */
export function settle(role) {
  setTyping();
  if (role !== "assistant" || !chat.draft) return "";
  setDraft();
  return chat.draftKey;
}
