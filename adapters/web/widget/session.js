// Who this page is to the bridge: one session, opened when first needed, resumed by its token.

import { describe } from "./customer.js";
import { fail } from "./guard.js";
import { authorize, call } from "./http.js";
import * as keep from "./keep.js";
import { forget } from "./news.js";
import { chat } from "./page.js";
import { code } from "./texts.js";

let opening;

/** Whether the customer is known: by a token of before, or an identity from the site. */
export const isKnown = () => keep.get("token") || describe().identity;

/**
 * What the page tells may be wrong, or its identity have run out: the page hears of it, and the
 * customer can chat all the same.
 */
async function attempt(told) {
  try {
    return await call("v1/sessions", told);
  } catch (trouble) {
    if (!/session|refused/.test(trouble.kind)) throw trouble;
    fail(trouble);
    return call("v1/sessions", { token: told.token, locale: code });
  }
}

async function open() {
  authorize();
  const known = keep.get("token") || undefined;
  const { token, conversation_id: id, config } = await attempt({ ...describe(), token: known });
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
