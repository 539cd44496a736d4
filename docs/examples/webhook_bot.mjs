// An assistant that the bridge asks over HTTP, its requests checked as Standard Webhooks says.
//   WEBHOOK_SECRET=whsec_… PORT=3000 node webhook_bot.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const { WEBHOOK_SECRET = "", PORT = "3000" } = process.env;
const key = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");

function isGenuine(headers, body) {
  const { "webhook-id": id, "webhook-timestamp": time, "webhook-signature": signatures } = headers;
  if (!key.length || Math.abs(Date.now() / 1000 - Number(time)) > 300) return false;
  const expected = createHmac("sha256", key).update(`${id}.${time}.`).update(body).digest();
  return (signatures ?? "").split(" ").some((signature) => {
    const given = Buffer.from(signature.replace(/^v1,/, ""), "base64");
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

// Your AI goes here. `messages` is the talk so far, teammates included; the last words are asked.
function reply({ message, messages }) {
  if (/refund/i.test(message.text))
    return { escalate: { reason: "a refund needs a person", summary: message.text, urgency: "high" } };
  return { text: `You wrote ${messages.length} messages, the last one: ${message.text}` };
}

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const genuine = isGenuine(request.headers, body);
  response.writeHead(genuine ? 200 : 401, { "content-type": "application/json" });
  const data = genuine ? JSON.parse(body).data : {};
  response.end(JSON.stringify(data.messages ? reply(data) : {})); // an event wants no answer
});
server.listen(Number(PORT), "127.0.0.1", () => console.log(`port ${server.address().port}`));
