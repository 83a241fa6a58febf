// Which module may import which, and that every export is used.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("..", import.meta.url);
const files = ["", "elements/", "test/"].flatMap((dir) =>
  readdirSync(new URL(dir || ".", root))
    .filter((name) => name.endsWith(".js"))
    .map((name) => dir + name),
);
const texts = new Map(files.map((name) => [name, readFileSync(new URL(name, root), "utf8")]));

/** The modules that a text imports, by their paths, with the names. */
function imports(name, text = texts.get(name)) {
  const dir = name.slice(0, name.lastIndexOf("/") + 1);
  const path = (to) => new URL(to, new URL(dir || ".", root)).href.slice(root.href.length);
  const found = [...text.matchAll(/^import (?:\{([^}]*)\} from )?"(\.[^"]+)";/gm)].map(([, names = "", to]) => ({ to: path(to), names: names.split(",").map((n) => n.trim().split(" as ")[0]).filter(Boolean) }));
  const later = [...text.matchAll(/(?:const \{([^}]*)\} = await |=> )import\("(\.[^"]+)"\)/g)].map(([, names = "", to]) => ({ to: path(to), names: names.split(",").map((n) => n.trim().split(" as ")[0]).filter(Boolean) }));
  return [...found, ...later];
}

const defines = (name) => /extends LabElement\b/.test(texts.get(name)) && name !== "elements/dom.js";
const elements = files.filter((name) => name.startsWith("elements/") && defines(name));

test("no element imports another element, the lab or a part of it", () => {
  const parts = ["lab.js", "session.js", "cursor.js", "inspector.js", "sockets.js", "actions.js", "player.js"];
  assert.ok(elements.length > 20, `only ${elements.length} elements were found`);
  for (const name of elements) {
    for (const { to } of imports(name)) {
      assert.ok(!elements.includes(to), `${name} imports the element ${to}: make it with h("ws-…") and name it in parts of app.js`);
      assert.ok(!parts.includes(to), `${name} imports ${to}: let it be given in this.lab`);
    }
  }
});

test("modules outside elements know no element, and only the page makes the lab", () => {
  for (const name of files.filter((f) => !f.includes("/") && f !== "app.js" && f !== "lab.js")) {
    for (const { to } of imports(name)) assert.ok(!to.startsWith("elements/") && to !== "lab.js", `${name} imports ${to}`);
  }
  const makers = files.filter((f) => !f.startsWith("test/") && /new Lab\(/.test(texts.get(f)));
  assert.deepEqual(makers, ["app.js"]);
});

test("modules outside elements have no document", () => {
  // The player opens a window of its own for a socket that a play leaves, and the stream is paused while the page is hidden.
  const named = { "app.js": /./, "theme.js": /./, "player.js": /document\.(hidden|createElement\("iframe"\)|body\.append\(frame\))/g, "session.js": /document\.hidden/g, "lab.js": /document\.hidden/g, "judging.js": /document\.hidden/g };
  for (const name of files.filter((f) => !f.includes("/"))) {
    if (name === "app.js" || name === "theme.js") continue;
    const text = texts.get(name).replace(named[name] || /$^/g, "");
    assert.ok(!/\bdocument\.|querySelector|addEventListener\("(click|keydown)/.test(text), `${name} reaches into the document: that belongs in elements`);
  }
});

test("every export is imported somewhere, and no file is longer than 500 lines", () => {
  const used = new Map();
  for (const name of files) for (const { to, names } of imports(name)) for (const n of names) used.set(`${to} ${n}`, [...(used.get(`${to} ${n}`) || []), name]);
  // A type that JSDoc names is used, too.
  for (const text of texts.values()) for (const [, to, n] of text.matchAll(/import\("\.{1,2}\/([\w-]+\.js)"\)\.(\w+)/g)) used.set(`${to} ${n}`, []);
  for (const [name, text] of texts) {
    if (name.startsWith("test/") || name === "app.js") continue;
    assert.ok(text.split("\n").length <= 500, `${name} has ${text.split("\n").length} lines`);
    if (defines(name)) continue;
    for (const [, n] of text.matchAll(/^export (?:async )?(?:const|let|class|function) (\w+)/gm)) assert.ok(used.has(`${name} ${n}`), `${name} exports ${n}, which nothing imports: delete it or the word export`);
  }
});

test("imports run one way: no module imports itself by way of others", () => {
  const seen = new Map();
  const walk = (name, way) => {
    assert.ok(!way.includes(name), `a circle: ${[...way.slice(way.indexOf(name)), name].join(" → ")}`);
    if (seen.has(name)) return;
    for (const { to } of imports(name)) if (texts.has(to)) walk(to, [...way, name]);
    seen.set(name, true);
  };
  for (const name of files.filter((f) => !f.startsWith("test/") && f !== "app.js")) walk(name, []);
});
