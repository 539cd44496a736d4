// The boundary to the page: nothing that goes wrong in here is ever thrown at the page's own code.
// Every listener, timer and public method passes through `guard`.

import { emit } from "./page.js";

/** Tell the page of an error, by event only. */
export const fail = (error) => emit("error", error);

/** Return `work` as a function that gives nothing back, never throws and never rejects. */
export const guard =
  (work) =>
  (...given) => {
    try {
      work(...given)?.catch?.(fail);
    } catch (error) {
      fail(error);
    }
  };

/** `setTimeout` for work that may fail. */
export const later = (milliseconds, work) => setTimeout(guard(work), milliseconds);
