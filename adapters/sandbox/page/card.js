// The case card: why the customer was handed over, what is known, and what can be done about it.

import { ago, el, face, heard, icon, time } from "./dom.js";

export const STATES = {
  requested: ["Opening", "wait"],
  waiting: ["Waiting", "wait"],
  active: ["With a person", "live"],
  resolved: ["Resolved", "over"],
  handed_back: ["Handed back", "over"],
  expired: ["Nobody came", "over"],
  failed: ["Failed", "over"],
};

const VERBS = {
  claim: ["Claim", "main", "You take this conversation; the assistant stays silent."],
  release: ["Release", "", "Put it back into the queue for somebody else."],
  resolve: ["Resolve", "", "The matter is settled; the customer is told."],
  return: ["Hand back", "", "Give the customer back to the assistant."],
};

/** The small sign that says where a handoff stands. */
export function stateSign({ state, owner }) {
  const [label, kind] = STATES[state] || [state, "over"];
  const text = state === "active" && owner ? `With ${owner}` : label;
  return el("span", { class: `sign ${kind}`, text });
}

/** The sentence under the customer's name. */
function since(card) {
  const when = el("span", {}, time(card.requested_at));
  if (!card.is_open) return el("small", {}, "Asked at ", when, ", closed at ", time(card.changed_at));
  const owner = card.owner ? `${card.owner} has it. ` : "";
  return el("small", {}, `${owner}Asked at `, when, ` · ${ago(card.requested_at)}`);
}

/** The reason with the words that fired it marked: in their place, or behind it. */
function why({ reason, evidence }) {
  const text = reason.charAt(0).toUpperCase() + reason.slice(1);
  if (!evidence) return [text];
  const words = el("q", { class: "evidence", dir: "auto", text: evidence });
  const [before, ...after] = text.split(evidence);
  if (!after.length) return [`${text} `, words];
  return [before.replace(/“$/, ""), words, after.join(evidence).replace(/^”/, "")];
}

function list(label, items) {
  return items.length > 0 && el("div", { class: "tried" }, el("h4", { text: label }), el("ul", {}, items));
}

function facts(card) {
  const rows = card.facts.map(({ label, value }) =>
    el("div", {}, el("dt", { text: label }), el("dd", { dir: "auto", text: value, title: value })),
  );
  return rows.length > 0 && el("dl", { class: "facts" }, rows);
}

function buttons(card, act) {
  const made = card.verbs
    .filter((verb) => VERBS[verb])
    .map((verb) => {
      const [label, kind, title] = VERBS[verb];
      return el("button", { type: "button", class: `button ${kind}`, "data-verb": verb, title, text: label, click: () => act(verb) });
    });
  return made.length > 0 && el("div", { class: "verbs", role: "group", "aria-label": "Actions on this handoff" }, made);
}

/** Draw a card; `act(verb)` is called by its buttons, `fold` keeps whether it is folded. */
export function drawCard(card, act, fold) {
  const name = el("h3", { dir: "auto", text: card.customer });
  const pinned = card.is_open && el("span", { class: "pinned" }, icon("pin"), "Pinned");
  const urgent = card.urgency !== "normal" && el("span", { class: "sign urgent", text: card.urgency });
  const tried = card.tried.map((text) => el("li", { dir: "auto", text }));
  const details = el(
    "details",
    { class: "why", open: !fold.folded, toggle: () => (fold.folded = !details.open) },
    el("summary", {}, el("span", { text: "Why, and what is known" }), icon("chevron")),
    el(
      "div",
      { class: "why-body" },
      el("p", { class: "reason" }, why(card)),
      card.summary && el("p", { class: "summary", dir: "auto", text: card.summary }),
      list("What the assistant tried", tried),
      facts(card),
    ),
  );
  return el(
    "article",
    { class: "card", "aria-label": `Case card of ${card.customer}` },
    el("div", { class: "card-head" }, face("customer", card.customer), el("div", { class: "card-name" }, name, since(card)), el("div", { class: "signs" }, pinned, urgent, stateSign(card))),
    buttons(card, act),
    details,
    card.number > 1 && heard(`Handoff number ${card.number} of this conversation`),
  );
}
