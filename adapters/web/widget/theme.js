// The site's accent colour, made readable: text on it and text in it keep a contrast of 4.5 : 1
// (WCAG 2.2, 1.4.3), whatever colour the site chose, in light and in dark.

const ACCENT = "#2457e6";
const ENOUGH = 4.5;
const WHITE = [255, 255, 255];
const BLACK = [0, 0, 0];
const NIGHT = [25, 28, 34]; // --paper of .dark

/** What the system prefers. */
export const dark = matchMedia("(prefers-color-scheme: dark)");

/** Read #rrggbb as [r, g, b]; what is none becomes the standard accent. */
const parse = (text) =>
  (/^#[\da-f]{6}$/i.test(text) ? text : ACCENT).match(/\w\w/g).map((part) => parseInt(part, 16));

/** Contrast of two colours, 1 to 21 (WCAG 2.2, definition). */
function contrast(...colours) {
  const [a, b] = colours.map((colour) => {
    const [red, green, blue] = colour.map((value) =>
      value < 11 ? value / 3294.6 : ((value / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05;
  });
  return Math.max(a / b, b / a);
}

/** Move `colour` towards `ink` until it can be read on `paper`. */
function readable(colour, ink, paper) {
  if (contrast(colour, paper) >= ENOUGH) return colour;
  return readable(
    colour.map((value, n) => value + Math.sign(ink[n] - value)),
    ink,
    paper,
  );
}

/** Give `root` the colours that follow from the accent; `theme` is "light", "dark" or neither. */
export function paint(root, accent, theme) {
  const isDark = theme ? theme === "dark" : dark.matches;
  const [paper, ink] = isDark ? [NIGHT, WHITE] : [WHITE, BLACK];
  const colour = parse(accent);
  const on = contrast(colour, WHITE) >= ENOUGH ? WHITE : BLACK;
  const colours = { "": colour, "-on": on, "-ink": readable(colour, ink, paper) };
  for (const name in colours) root.style.setProperty("--accent" + name, colours[name]);
  root.classList.toggle("dark", isDark);
}
