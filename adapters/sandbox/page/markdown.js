// The Markdown subset of messages as elements: paragraphs, lists, quotes, code, bold, italic,
// strike, links. Every character ends in a text node; what is not known stays as it was written.

import { el } from "./dom.js";

const SAFE = /^(?:https?:\/\/|mailto:|tel:)\S+$/i;
const ITEM = /^ {0,6}(?:[-*+•]|(\d{1,9})[.)]) +(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}#{1,6} +(.*?)(?: +#+)? *$/;

// What may begin at a place, longest first. Lengths are bounded, so no text takes long to read.
const MARKS = [
  [/\\([!-/:-@[-`{-~])/y, (m) => m[1]],
  [/(`+)([^`]{1,2000})\1(?!`)/y, (m) => el("code", { text: m[2].trim() || m[2] })],
  [/\[([^[\]]{1,500})\]\(<?([^\s<>()]{1,2000})>?\)/y, (m, deep) => link(m[2], inline(m[1], deep), m[0])],
  [/<?((?:https?:\/\/|mailto:)[^\s<>"]{0,2000}[^\s<>".,;:!?)\]}*_~])>?/iy, (m) => link(m[1], [m[1]], m[0])],
  [/\*\*(?=\S)([^\n]{1,1000}?\S|\S)\*\*/y, (m, deep) => el("strong", {}, inline(m[1], deep))],
  [/~~(?=\S)([^\n]{1,1000}?\S|\S)~~/y, (m, deep) => el("s", {}, inline(m[1], deep))],
  [/\*(?=[^\s*])([^\n*]{1,1000})(?<!\s)\*/y, (m, deep) => el("em", {}, inline(m[1], deep))],
  [/(?<![\p{L}\p{N}_])_(?=[^\s_])([^\n_]{1,1000})(?<!\s)_(?![\p{L}\p{N}_])/uy, (m, deep) => el("em", {}, inline(m[1], deep))],
];
const INTERESTING = /[\\`[<*~_]|https?:\/\/|mailto:/gi;

function link(address, content, otherwise) {
  if (!SAFE.test(address)) return otherwise;
  return el("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, content);
}

function markAt(text, at, deep) {
  for (const [pattern, make] of MARKS) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    // The end first: what is inside is read with the same patterns.
    if (match) return { end: pattern.lastIndex, node: make(match, deep + 1) };
  }
  return null;
}

/** Text with its line breaks. */
const plain = (text) => text.split("\n").flatMap((line, n) => (n ? [el("br"), line] : [line]));

/** The marks within one paragraph. */
function inline(text, deep = 0) {
  const parts = [];
  let from = 0;
  const look = new RegExp(INTERESTING);
  for (let place; deep < 6 && (place = look.exec(text)); ) {
    const found = markAt(text, place.index, deep);
    if (!found) continue;
    parts.push(...plain(text.slice(from, place.index)), found.node);
    from = found.end;
    look.lastIndex = from;
  }
  parts.push(...plain(text.slice(from)));
  return parts.filter((part) => part !== "");
}

/** Take lines for as long as `pick` makes something of the first. */
function take(lines, pick) {
  const taken = [];
  for (let got; lines.length && (got = pick(lines[0])) != null; lines.shift()) taken.push(got);
  return taken;
}

function code(lines) {
  const fence = FENCE.exec(lines.shift())[1];
  const body = take(lines, (line) => (line.trim().startsWith(fence) ? null : line));
  lines.shift();
  return el("pre", { tabindex: "0" }, el("code", { text: body.join("\n") }));
}

function list(lines) {
  const ordered = ITEM.exec(lines[0])[1] !== undefined;
  const items = take(lines, (line) => {
    const match = ITEM.exec(line);
    return match && (match[1] !== undefined) === ordered ? match : null;
  });
  const start = ordered && items[0][1] !== "1" ? items[0][1] : null;
  return el(ordered ? "ol" : "ul", { start }, items.map((item) => el("li", {}, inline(item[2]))));
}

const special = (line) => [FENCE, ITEM, QUOTE, HEADING].some((pattern) => pattern.test(line));

function block(lines) {
  const line = lines[0];
  if (FENCE.test(line)) return code(lines);
  if (ITEM.test(line)) return list(lines);
  if (QUOTE.test(line)) {
    return el("blockquote", {}, inline(take(lines, (one) => QUOTE.exec(one)?.[1]).join("\n")));
  }
  if (HEADING.test(line)) return el("p", {}, el("strong", {}, inline(HEADING.exec(lines.shift())[1])));
  const text = [lines.shift()];
  text.push(...take(lines, (one) => (one.trim() && !special(one) ? one : null)));
  return el("p", {}, inline(text.join("\n").trim()));
}

/** The blocks of a message. */
export function markdown(text) {
  const lines = text.split("\n");
  const blocks = [];
  while (lines.length) {
    if (lines[0].trim()) blocks.push(block(lines));
    else lines.shift();
  }
  return blocks;
}
