// The widget's words in eight languages. The build packs texts/*.json into one table.

import { keys, languages } from "texts:";

/** The language the widget speaks. */
export let code;

let words;

/** The language of a BCP 47 tag, if there are words for it. */
const known = (tag) => languages[tag?.slice(0, 2).toLowerCase()];

/** Speak the first of these languages that there are words for, else English. */
export function speak(tags) {
  code = (tags.find(known) || "en").slice(0, 2).toLowerCase();
  words = languages[code].split("|");
}

/** The direction that language is written in. */
export const direction = () => (code === "ar" ? "rtl" : "ltr");

/** The words for `key`; `value` is put in where they have a place for it. */
export const t = (key, value) => words[keys.indexOf(key)].replace("{}", () => value);
