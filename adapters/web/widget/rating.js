// The question after a talk with a person: one to five stars and, if wanted, a word more.

import { rate } from "./actions.js";
import { div, el, iconButton, textButton } from "./dom.js";
import * as keep from "./keep.js";
import { refused } from "./notes.js";
import { changed } from "./page.js";
import { t } from "./texts.js";

/** The question is answered, or put away. */
function done() {
  keep.remove("rate");
  changed();
}

function question() {
  let score;
  const words = t("write");
  const comment = el("textarea", {
    rows: 2,
    placeholder: words,
    ariaLabel: words,
    maxLength: 2000,
  });
  const finish = () => rate(score, comment.value.trim()).then(done, refused);
  const send = textButton("main", t("send"), finish);
  const more = el("div", { className: "more", hidden: true }, comment, send);
  const star = (value) => {
    const onchange = () => {
      score = value;
      more.hidden = false;
    };
    return el(
      "label",
      {},
      el("input", { type: "radio", name: "score", ariaLabel: value + "/5", onchange }),
      "★",
    );
  };
  return [
    iconButton("icon", "close", t("discard"), done),
    el("fieldset", {}, el("legend", {}, t("rate")), [1, 2, 3, 4, 5].map(star)),
    more,
  ];
}

/** The row that asks. */
export const rating = () => div("row", div("rating", question()));
