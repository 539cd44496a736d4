// Building elements. Text goes in as text: nothing here turns a string into markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. Of `given`, functions become listeners, `text` the text, true and strings
 * attributes; false, null and undefined are left out.
 */
export function el(tag, given = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (name === "text") node.textContent = value;
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false));
  return node;
}

/** Change a text only when it differs: a live region speaks each time it is written to. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Text for screen readers only. */
export const heard = (text) => el("span", { class: "heard", text });

// 24 × 24, drawn with a line of 1.8.
const ICONS = {
  check: "m4.5 12.5 4.5 4.5L19.5 6.5",
  seen: "m2.5 12.5 4.5 4.5L16.5 7.5m-4 8.5 1 1 9-9.5",
  mail: "M4 6.5h16v11H4Zm0 .5 8 6 8-6",
  warning: "M12 4 2.8 19.5h18.4L12 4Zm0 6v4.5m0 2.5v.1",
  lock: "M6.5 11h11v8.5h-11Zm2-.2V8a3.5 3.5 0 0 1 7 0v2.8",
  pin: "M9 4h6l-.7 6 3.2 3.5h-11L9.7 10 9 4Zm3 9.5V20",
  edit: "m5 16 10.5-10.5 3.5 3.5L8.5 19.5H5Z",
  bin: "M5 7h14M10 4.5h4M7 7l.8 12.5h8.4L17 7m-7 4v5m4-5v5",
  clip: "m19.5 11.5-7.9 7.9a4.9 4.9 0 0 1-7-7l8-8a3.3 3.3 0 0 1 4.7 4.7l-7.9 7.9a1.6 1.6 0 0 1-2.3-2.3l7.2-7.2",
  send: "M12 19.5v-15m-6.5 6.5L12 4.5l6.5 6.5",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.5 8.2c.8-3.4 3.9-5.4 7.5-5.4s6.7 2 7.5 5.4",
  spark: "M12 3.5c.8 4.9 3.6 7.7 8.5 8.5-4.9.8-7.7 3.6-8.5 8.5-.8-4.9-3.6-7.7-8.5-8.5 4.9-.8 7.7-3.6 8.5-8.5Z",
  sun: "M12 16.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9Zm0-14v2m0 15v2m9.5-9.5h-2m-15 0h-2m16.2-6.7-1.4 1.4M6.7 17.3l-1.4 1.4m0-13.4 1.4 1.4m10.6 10.6 1.4 1.4",
  moon: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  chevron: "m7 9.5 5 5 5-5",
  file: "M13.5 3.5h-6a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h9a2 2 0 0 0 2-2v-10l-5-5Zm0 0v5h5",
  info: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17Zm0-9.5v5m0-8.5v.1",
  close: "m6.5 6.5 11 11m0-11-11 11",
  hash: "M9.5 4 7.5 20m9-16-2 16M4.5 9h16m-17 6h16",
  back: "M9 6.5 3.5 12 9 17.5M4 12h16.5",
  again: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3M19.5 4v4.5H15",
};

/** Draw an icon; it is decoration, the name stands on the control. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button that shows an icon and is called by its name. */
export function iconButton(name, label, click) {
  return el("button", { type: "button", class: "icon-button", "aria-label": label, title: label, click }, icon(name));
}

/** The first letters of a name, for the picture beside it. */
export function initials(name) {
  const words = name.split(/\s+/).filter(Boolean).slice(0, 2);
  return words.map((word) => [...word][0].toUpperCase()).join("") || "?";
}

/** The picture beside somebody's words. */
export function face(role, name) {
  const inside = role === "assistant" ? icon("spark") : role === "customer" ? icon("person") : initials(name);
  return el("span", { class: `face ${role}`, "aria-hidden": "true" }, inside);
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** A moment as an element: the time, and the day before it when it was not today. */
export function time(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  const text = today ? CLOCK.format(date) : `${DAY.format(date)}, ${CLOCK.format(date)}`;
  return el("time", { datetime: at, title: date.toLocaleString(), text });
}

/** How long ago, in the shortest form. */
export function ago(at) {
  const minutes = Math.floor((Date.now() - new Date(at)) / 60000);
  if (minutes < 1) return "now";
  if (minutes < 60) return `${minutes} min`;
  return minutes < 1440 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 1440)} d`;
}

/**
 * Make the children of `parent` those of `items` ({key, mark, make}), keeping each element whose
 * mark is the same, so that nothing is read out twice and no focus is lost.
 */
export function reconcile(parent, items) {
  const old = new Map([...parent.children].map((child) => [child.itemKey, child]));
  let place = parent.firstElementChild;
  for (const { key, mark, make } of items) {
    let node = old.get(key);
    old.delete(key);
    if (!node || node.itemMark !== mark) {
      const fresh = Object.assign(make(), { itemKey: key, itemMark: mark });
      if (node === place) place = node?.nextElementSibling ?? null;
      node?.replaceWith(fresh);
      node = fresh;
    }
    if (node === place) place = place.nextElementSibling;
    else parent.insertBefore(node, place);
  }
  old.forEach((node) => node.remove());
}
