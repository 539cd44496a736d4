// A bot that hands over to people, with nothing but HTTP: every line typed is the customer's.
//   BRIDGE_URL=http://127.0.0.1:8080 BRIDGE_KEY=one-of-HANDOFF_API_KEYS node bot.mjs
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";

const { BRIDGE_URL = "http://127.0.0.1:8080", BRIDGE_KEY = "" } = process.env;
const headers = { authorization: `Bearer ${BRIDGE_KEY}`, "content-type": "application/json" };

async function call(path, body) {
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  const response = await fetch(`${BRIDGE_URL}/v1/bot/conversations${path}`, options);
  const answer = await response.json();
  if (response.ok || response.status === 409) return { ...answer, refused: !response.ok };
  throw new Error(`${response.status} ${answer.detail}`);
}

// Your AI goes here; null means that it cannot help.
const think = (text) => (/hours|open/i.test(text) ? "We are open from nine to five." : null);

const { id } = await call("", { external_id: randomUUID(), customer: { name: "Terminal" } });
const say = (role, text, epoch) =>
  call(`/${id}/messages`, { client_id: randomUUID(), role, text, epoch });

let cursor = 0;
async function listen() { // what people write, and what the customer is told meanwhile
  const page = await call(`/${id}/messages?after=${cursor}`);
  cursor = page.cursor;
  for (const { role, author, text } of page.messages)
    if (role === "teammate" || role === "system") console.log(`${author.name || "—"}: ${text}`);
  setTimeout(listen, 1000);
}
await listen();

for await (const text of createInterface({ input: process.stdin })) {
  const { floor, epoch } = await say("customer", text);
  if (floor !== "assistant") continue; // a person has the floor, or is on the way: the bot is silent
  const answer = think(text);
  if (answer === null) await call(`/${id}/escalate`, { reason: "the bot has no answer", evidence: text });
  else if (!(await say("assistant", answer, epoch)).refused) console.log(`Bot: ${answer}`);
}
process.exit();
