// Who this page is to the bridge: one session, opened when first needed, resumed by its token.

import { describe } from "./customer.js";
import { fail } from "./guard.js";
import { authorize, call } from "./http.js";
import * as keep from "./keep.js";
import { forget } from "./news.js";
import { chat } from "./page.js";

let opening;

/** Whether the customer is known: by a token of before, or an identity from the site. */
export const isKnown = () => keep.get("token") || describe().identity;

/** An identity that is not good (any more) is told of, and then left away. */
async function attempt({ identity, ...rest }) {
  try {
    return await call("v1/sessions", { ...rest, identity });
  } catch (trouble) {
    if (trouble.kind !== "session" || !identity) throw trouble;
    fail(trouble);
    return call("v1/sessions", rest);
  }
}

async function open() {
  authorize();
  const { token, conversation_id: id, config } = await attempt({ ...describe(), token: keep.get("token") || undefined });
  keep.set("token", token);
  authorize(token);
  if (chat.id && chat.id !== id) forget();
  Object.assign(chat, { id, config: config || {} });
}

/** Open again, for instance with another identity; who asks meanwhile shares the opening. */
export const renew = () => (opening ||= open().finally(() => (opening = null)));

/** Open unless open. */
export const ensure = () => (chat.id && !opening ? null : renew());

/** After trouble: a session that has run out is opened anew. */
export const mend = ({ kind }) => kind === "session" && renew().catch(() => {});
