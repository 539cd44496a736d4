// Builds the widget: one file, minified, its styles and words inside.
// `python -m adapters.web.widget` calls it with the digest of the sources and the file to write.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { minify } from "terser";

const here = import.meta.dirname;
const [digest, output] = process.argv.slice(2);

// Shadow DOM with nested styles, relative fetch streams and reflected ARIA properties.
const target = ["chrome120", "firefox121", "safari17.2"];
const common = { bundle: true, write: false, charset: "utf8", target };

// Properties that are ours alone: no name of the browser's, none that travels to the bridge or is
// kept in storage, none the page can see.
const OWN =
    /^(itemKey|itemMark|isFirst|make|lostAt|loaded|unread|draftKey|shadow|stored|chip|cut)$/;

/** Styles become a string that a constructable sheet takes. */
const styles = {
    name: "styles",
    setup({ onLoad }) {
        onLoad({ filter: /index\.css$/ }, async ({ path }) => {
            const { outputFiles } = await build({ ...common, entryPoints: [path], minify: true });
            return { contents: outputFiles[0].text.trim(), loader: "text" };
        });
    },
};

/** Words become one table: the keys once, then each language as one string in their order. */
async function table() {
    const languages = {};
    let keys;
    for (const name of (await readdir(join(here, "texts"))).sort()) {
        const words = JSON.parse(await readFile(join(here, "texts", name), "utf8"));
        keys ||= Object.keys(words);
        languages[name.replace(".json", "")] = keys.map((key) => words[key]).join("|");
    }
    return JSON.stringify({ keys, languages });
}

const texts = {
    name: "texts",
    setup({ onLoad, onResolve }) {
        onResolve({ filter: /^texts:$/ }, () => ({ path: "texts", namespace: "texts" }));
        onLoad({ filter: /.*/, namespace: "texts" }, async () => ({
            contents: await table(),
            loader: "json",
        }));
    },
};

const { outputFiles } = await build({
    ...common,
    entryPoints: [join(here, "index.js")],
    format: "iife",
    // Where a browser lacks what the widget needs there is no widget, and no error either.
    banner: { js: "try {" },
    footer: { js: "} catch {}" },
    plugins: [styles, texts],
});
const { code } = await minify(outputFiles[0].text, {
    ecma: 2020,
    toplevel: true,
    compress: { passes: 4, keep_fargs: false },
    mangle: { properties: { regex: OWN } },
    format: { preamble: `/*! handoff-bridge ${digest} */` },
});
await writeFile(output, code);
