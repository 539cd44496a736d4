// Building elements. Text goes in as text; there is no way from a string to markup in here, and
// styles are set as properties only, so that the strictest content security policy is content.

import { guard } from "./guard.js";

const SVG = "http://www.w3.org/2000/svg";

/** Make an element with these properties (functions become guarded listeners) and children. */
export function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const name in properties) {
    const value = properties[name];
    node[name] = typeof value === "function" ? guard(value) : value;
  }
  node.append(...children.flat(2).filter(Boolean));
  return node;
}

/** The element most things are: a block with a class. */
export const div = (className, ...children) => el("div", { className }, ...children);

/** Change a text only when it differs: live regions speak each time they are written to. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// Drawn with a line on 24 × 24.
const ICONS = {
  chat: "M12 4c-5 0-9 3-9 7 0 2 1 4 3 6l-1 3c2 0 4-1 5-2 6 1 11-2 11-7 0-4-4-7-9-7Z",
  down: "m6 9 6 6 6-6",
  close: "m7 7 10 10m0-10L7 17",
  send: "M12 19V5m-6 6 6-6 6 6",
  clip: "m19 11-8 8a5 5 0 0 1-7-7l8-8a3 3 0 0 1 5 5l-8 8a1 1 0 0 1-3-3l7-7",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7 8c1-7 13-7 14 0",
  spark: "M12 3c1 6 3 8 9 9-6 1-8 3-9 9-1-6-3-8-9-9 6-1 8-3 9-9Z",
  file: "M14 3H6v18h12V7l-4-4Zm0 0v4h4",
};

/** Draw an icon; it is decoration, the name stands on the control. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  path.setAttribute("d", ICONS[name]);
  svg.ariaHidden = "true";
  svg.append(path);
  return svg;
}

/** A button with a text. */
export const textButton = (className, text, onclick) =>
  el("button", { type: "button", className, onclick }, text);

/** A button with an icon, called by its label. */
export const iconButton = (className, sign, label, onclick) =>
  el("button", { type: "button", className, title: label, ariaLabel: label, onclick }, icon(sign));

/**
 * Make the children of `parent` those of `items` ({key, mark, make, isFirst}), keeping every
 * element whose mark did not change: nothing is drawn, read out or moved twice. `make` is given the
 * old element; what begins a group gets the class "first".
 */
export function reconcile(parent, items) {
  const old = {};
  for (const node of parent.children) old[node.itemKey] = node;
  const nodes = items.map(({ key, mark, make, isFirst }) => {
    const node = old[key]?.itemMark === mark ? old[key] : make(old[key]);
    delete old[key];
    node.classList.toggle("first", isFirst);
    return Object.assign(node, { itemKey: key, itemMark: mark });
  });
  Object.values(old).forEach((node) => node.remove());
  nodes.forEach((node, n) => {
    const there = parent.children[n];
    if (there !== node) parent.insertBefore(node, there);
  });
}
