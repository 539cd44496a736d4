// The Markdown subset of messages, built as elements: paragraphs, lists, quotes, code, bold,
// italic, strike, links, headings as bold text. Anything else stays the text it is.
// There is no HTML in it to sanitise: every character ends in a text node. Lengths and depth are
// bounded, so that no text, however hostile, takes long to read.

import { el } from "./dom.js";

const DEPTH = 8;
const SAFE = /^(https?:\/\/|mailto:|tel:)/i;
const FENCE = /^ {0,3}(```+|~~~+)/;
const HEADING = /^ {0,3}#{1,6} +(.*?)[ #]*$/;
const QUOTE = /^ {0,3}> ?(.*)/;
const ITEM = /^ {0,3}(?:[-*+•]|(\d{1,9})[.)]) +(.*)/;
const INSIDE = /^(?: {2}|\t) *(.*)/;
const TAGS = { "**": "strong", __: "strong", "~~": "s", "*": "em", _: "em" };

// What may begin within a line; of two at one place the first counts. The groups: an escaped
// sign; backticks and code; a link's words and address; a bare address; a mark and what it marks.
const MARKS =
  /\\([!-/:-@[-`{-~])|(?<!(?<!\\)`)(`+)(?!`)(.{0,2000}?[^`])\2(?!`)|!?\[([^[\]]{1,500})\]\(([^\s()]{1,2000}(?:\([^\s()]{0,500}\)[^\s()]{0,500})?)\)|<?\b(https?:\/\/[^\s<>"'`]{0,2000}[^\s<>"'`.,;:!?)\]}*_~]|mailto:[^\s<>]{1,500})>?|(\*\*|~~|\*|(?<![\p{L}\p{N}_])__?)(?=\S)(.{1,1000}?)(?<=[^\s*])\7(?!\*|(?<=_)[\p{L}\p{N}_])/gisu;

function marked([whole, escaped, , code, words, target, bare, mark, inside], deep) {
  const href = target || bare;
  if (escaped) return escaped;
  if (code) return el("code", {}, code);
  if (mark) return el(TAGS[mark], {}, inline(inside, deep));
  if (!SAFE.test(href) || !URL.canParse(href)) return whole;
  const rel = "noopener noreferrer nofollow";
  return el("a", { href, rel, target: "_blank" }, bare || inline(words, deep));
}

/** The marks within one paragraph. */
function inline(text, deep) {
  if (deep > DEPTH) return [text];
  const parts = [];
  let at = 0;
  for (const match of text.matchAll(MARKS)) {
    parts.push(text.slice(at, match.index), marked(match, deep + 1));
    at = match.index + match[0].length;
  }
  return [...parts, text.slice(at)];
}

/** Take lines as long as `pick` makes something of them. */
function takeWhile(lines, pick) {
  const taken = [];
  for (let got; lines.length && (got = pick(lines[0])) != null; lines.shift()) taken.push(got);
  return taken;
}

function code(lines) {
  const fence = FENCE.exec(lines.shift())[1];
  const body = takeWhile(lines, (line) => (line.trim().startsWith(fence) ? null : line));
  lines.shift();
  return el("pre", {}, el("code", {}, body.join("\n")));
}

const quote = (lines, deep) =>
  el(
    "blockquote",
    {},
    blocks(
      takeWhile(lines, (line) => QUOTE.exec(line)?.[1]),
      deep + 1,
    ),
  );

function list(lines, deep) {
  const start = ITEM.exec(lines[0])[1];
  const node = start ? el("ol", { start }) : el("ul");
  for (let match; (match = ITEM.exec(lines[0])) && !match[1] === !start;) {
    lines.shift();
    const inside = [match[2], ...takeWhile(lines, (line) => INSIDE.exec(line)?.[1])];
    node.append(el("li", {}, blocks(inside, deep + 1)));
    if (!lines[0]?.trim() && ITEM.test(lines[1])) lines.shift();
  }
  return node;
}

const heading = (lines, deep) =>
  el("p", {}, el("strong", {}, inline(HEADING.exec(lines.shift())[1], deep)));

const BLOCKS = [
  [FENCE, code],
  [HEADING, heading],
  [QUOTE, quote],
  [ITEM, list],
];

const begins = (line) => BLOCKS.find(([pattern]) => pattern.test(line));

function paragraph(lines, deep) {
  const text = [lines.shift()];
  text.push(...takeWhile(lines, (line) => (line.trim() && !begins(line) ? line : null)));
  return el("p", {}, inline(text.join("\n").trim(), deep));
}

function blocks(lines, deep) {
  const made = [];
  while (lines.length) {
    if (!lines[0].trim()) lines.shift();
    else made.push(((deep < DEPTH && begins(lines[0])?.[1]) || paragraph)(lines, deep));
  }
  return made;
}

/** Return the elements of a message's text. */
export const markdown = (text) => blocks(text.replace(/\r\n?/g, "\n").split("\n"), 0);
