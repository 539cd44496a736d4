// Who has the floor, and the way to a person. The control keeps its element and its place in every
// state (WCAG 2.2, 3.2.6): it asks for a person, leads back, or says who is there.

import { back, escalate } from "./actions.js";
import { div, el, icon, say, textButton } from "./dom.js";
import { face, nameOf } from "./faces.js";
import { refused } from "./notes.js";
import { chat } from "./page.js";
import { t } from "./texts.js";

let node;
let picture;
let title;
let line;
let control;
let drawn;
let wasTeammate;

/** What the bar says in each state: title, line below, control, its icon. */
function words({ floor, handoff }) {
  const name = nameOf("teammate", handoff?.teammate);
  return (
    {
      waiting: [
        t("looking"),
        handoff?.position ? t("number", handoff.position) : "",
        t("back"),
        "spark",
      ],
      teammate: [t("team"), t("joined", name), name, "person"],
      // While the chat is closed the assistant is the one who answers.
    }[floor] || [t("ai"), wasTeammate ? t("returned") : "", t("person"), "person"]
  );
}

function act() {
  const { floor } = chat.state;
  if (floor === "teammate") return null;
  return (floor === "waiting" ? back() : escalate()).catch(refused);
}

function redraw({ floor, handoff }, label, sign) {
  const isPerson = floor === "teammate";
  node.className = "floor " + floor;
  picture.replaceChildren(
    face(isPerson || floor === "waiting" ? "teammate" : "assistant", isPerson && handoff.teammate),
  );
  control.replaceChildren(icon(sign), label);
  control.ariaDisabled = isPerson ? "true" : null;
}

/** Show the state as it is now. */
export function drawFloorBar() {
  const { state } = chat;
  wasTeammate ||= state.floor === "teammate";
  const [heading, below, label, sign] = words(state);
  const mark = label + JSON.stringify(state.handoff?.teammate);
  if (mark !== drawn) redraw(state, label, sign);
  drawn = mark;
  say(title, heading);
  say(line, below);
}

/** Make the bar. */
export function floorBar() {
  drawn = "";
  picture = div("pic");
  title = el("b", { dir: "auto" });
  line = el("small");
  control = textButton("person", "", act);
  return (node = div(
    "",
    picture,
    el("div", { className: "state", role: "status" }, title, line),
    control,
  ));
}
