// The lines above the field: the connection, what went wrong, and, for ears only, who is typing.

import { el, say } from "./dom.js";
import { nameOf } from "./faces.js";
import { later } from "./guard.js";
import { chat } from "./page.js";
import { OUTAGE } from "./stream.js";
import { t } from "./texts.js";

const WARNING_LASTS = 8000;

let link;
let alarm;
let hearing;
let timer;

/** Say for a while what went wrong. */
export function warn(text) {
  clearTimeout(timer);
  say(alarm, text);
  if (text) timer = later(WARNING_LASTS, () => warn(""));
}

/** Say that what was asked for did not happen. */
export const refused = () => warn(t("failed") + ". " + t("retry"));

/** Show the connection and who is typing as they are now. */
export function drawNotes() {
  const { lostAt, typing } = chat;
  say(link, lostAt && Date.now() - lostAt >= OUTAGE ? t("lost") : "");
  say(hearing, typing ? t("typing", nameOf(typing.role, typing.author)) : "");
}

/** Make the lines. */
export function notes() {
  link = el("div", { className: "note", role: "status" });
  alarm = el("div", { className: "note bad", role: "alert" });
  hearing = el("div", { className: "heard", role: "status" });
  return [link, alarm, hearing];
}
