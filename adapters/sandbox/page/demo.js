// The demo page: puts the desk beside the shop and leads the visitor through one handoff.

import { createDesk } from "./demo/desk.js";
import { createRoom } from "./demo/room.js";
import { createSteps } from "./demo/steps.js";
import { followTheme } from "./demo/theme.js";

const RETRY = 1500;
const byId = (id) => document.getElementById(id);

const chat = document.querySelector("handoff-chat");
const room = createRoom(draw, () => desk.isWriting());
const desk = createDesk(byId("desk"), room);
const steps = createSteps(byId("steps"), { chat, room, desk });

function draw() {
  desk.render();
  steps.render();
}

function start() {
  room.start().catch(() => setTimeout(start, RETRY));
}

followTheme(byId("theme"), chat);
start();
