// Requests to the bridge, and the four ways they can fail, each with what may be done about it.
// Never sends cookies; the session token travels in a header only.

import { base } from "./page.js";

const PATIENCE = 60000; // uploads take their time
const HOUR = 3600000;

let token;

/** The session's token, from now on sent with every request. */
export const authorize = (value) => (token = value);

/**
 * A request that did not work. `kind` is "offline" (no answer came), "later" (the bridge asks for
 * patience; `after` is how many milliseconds, if it said), "session" (the token is not valid any
 * more) or "refused" (the same request will never work).
 */
function trouble(kind, status, after, message) {
  return Object.assign(new Error(message || kind), { kind, status, after });
}

const kindOf = (status) =>
  status === 401 ? "session" : status === 429 || status > 499 ? "later" : "refused";

/** Fetch `path`; the answer is a good one, or trouble is thrown. Retry-After is in seconds. */
export async function open(path, options) {
  const answer = await fetch(base + path, { credentials: "omit", ...options }).catch(() => {
    throw trouble("offline");
  });
  const { status, headers, ok } = answer;
  if (ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  const after = Math.min(headers.get("Retry-After") * 1000 || 0, HOUR);
  throw trouble(kindOf(status), status, after, detail);
}

/** Send a request with the token: a GET, or a POST of `body`, a form or a value. */
export function request(path, body) {
  const isForm = body instanceof FormData;
  const headers = token ? { Authorization: "Bearer " + token } : {};
  if (body && !isForm) headers["Content-Type"] = "application/json";
  return open(path, {
    method: body && "POST",
    headers,
    body: isForm ? body : JSON.stringify(body),
    signal: AbortSignal.timeout(PATIENCE),
  });
}

/** The answer as a value; nothing when it has none. */
export const call = async (path, body) => (await request(path, body)).json().catch(() => {});
