// What outlives a reload, as JSON in localStorage; only in memory where that is blocked.
// No cookies.

import { base } from "./page.js";

const PREFIX = `handoff ${base} `;
const memory = {};

function attempt(work) {
  try {
    return work(localStorage);
  } catch {
    return null;
  }
}

export const get = (key) =>
  (memory[key] ??= attempt((storage) => JSON.parse(storage[PREFIX + key])));

export function set(key, value) {
  memory[key] = value;
  attempt((storage) => (storage[PREFIX + key] = JSON.stringify(value)));
}

export function remove(key) {
  delete memory[key];
  attempt((storage) => delete storage[PREFIX + key]);
}

/** The stored keys that begin with `start`. */
export const keys = (start) =>
  attempt(Object.keys)
    ?.filter((key) => key.startsWith(PREFIX + start))
    .map((key) => key.slice(PREFIX.length)) || [];

/** Forget everything. */
export const wipe = () => [...keys(""), ...Object.keys(memory)].forEach(remove);
