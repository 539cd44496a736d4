// How long to wait before trying again, and what cuts the wait short.

import { later } from "./guard.js";

/** Try again now. */
export let wake = () => {};

/** How long to wait before attempt `n`: doubling from one second to thirty, spread by chance. */
export const backOff = (n) => Math.min(30000, 1000 * 2 ** n) * (0.5 + Math.random() / 2);

/** Wait, unless woken. */
export const pause = (milliseconds) =>
  new Promise((resolve) => {
    wake = resolve;
    later(milliseconds, resolve);
  });
