// Who is speaking: the round picture beside a message, and the name above it.

import { el, icon } from "./dom.js";
import { base } from "./page.js";
import { t } from "./texts.js";

/** The name to show for an author; the assistant and the team have one even without a name. */
export const nameOf = (role, author) =>
  role === "customer" ? t("you") : author?.name || t(role === "assistant" ? "ai" : "team");

/**
 * The round picture of an assistant or a teammate: a photograph, else an initial, else a sign.
 * Pictures come from the bridge only: others would tell third parties who chats here.
 */
export function face(role, author) {
  const { name, avatar_url } = (role === "teammate" && author) || {};
  const sign = name ? [...name][0] : icon(role === "teammate" ? "person" : "spark");
  const isOurs = avatar_url?.startsWith(base);
  const image = isOurs && el("img", { alt: "", onerror: () => image.remove(), src: avatar_url });
  return el(
    "span",
    { className: "face" + (name ? " named" : ""), ariaHidden: "true" },
    sign,
    image,
  );
}
