// What the page tells about the customer: by attributes of the element, and by its methods.

import { element } from "./page.js";

const OWN = ["name", "email", "locale", "page_url", "identity"];
const told = {};

/** The languages the customer may want, the most wanted first. */
export const locales = () =>
  [
    told.locale,
    element.dataset.locale,
    document.documentElement.lang,
    ...navigator.languages,
  ].filter(Boolean);

/** What the bridge is told when a session opens. */
export const describe = () => ({
  locale: locales()[0],
  page_url: location.href.split("#")[0],
  identity: element.dataset.identity,
  ...told,
});

/** Remember more; what is not a field of its own becomes an attribute of the customer. */
export function tell(more) {
  for (const [name, value] of Object.entries(more)) {
    (OWN.includes(name) ? told : (told.attributes ||= {}))[name] = String(value);
  }
}
