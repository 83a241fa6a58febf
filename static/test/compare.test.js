import assert from "node:assert/strict";
import { test } from "node:test";
import { Matrix, because, browserName, caret, caseOf, echoOnce, everything, excerpt, pollAfter, said, scriptText, serverAddress, tally, tallyWords, worst } from "../compare.js";

/** A case as the server lists it. */
const asks = (id, more = {}) => ({ id, title: `title of ${id}`, requirement: "what is asked", keyword: "MUST", section: id.split("/")[0], rfc: 6455, rules: [], judges: id.endsWith("-client") ? "client" : "server", opening: "", sends: [], legal: [], ...more });
/** A report as the stream tells it. */
const report = (id, endpoint, verdict = "pass", closing = verdict, more = {}) => ({ case: id, endpoint, verdict, closing, reason: "", expected: "", got: "", bytes: "", caret: -1, rule: "", mistake: "", took: 1, ...more });

function matrix() {
  const m = new Matrix();
  m.take([asks("5.1/wrong-mask-in-text"), asks("5.1/wrong-mask-in-binary", { keyword: "SHOULD" }), asks("5.5.2/empty-ping", { title: "A Ping", rules: ["5.5/control-length"] }), asks("sizes/text-of-256-kib"), asks("5.1/wrong-mask-in-text-client"), asks("5.1/wrong-mask-in-first-fragment-client", { judges: "client" })]);
  m.columns = [{ name: "reference", label: "reference", kind: "own" }, { name: "naive", label: "naive", kind: "own" }, { name: browserName, label: browserName, kind: "browser" }];
  return m;
}

test("a case and its mirror image share a line, and what clients alone are asked stands with its section", () => {
  const m = matrix();
  assert.deepEqual(m.lines.map((l) => l.id), ["5.1/wrong-mask-in-text", "5.1/wrong-mask-in-binary", "5.1/wrong-mask-in-first-fragment", "5.5.2/empty-ping", "sizes/text-of-256-kib"]);
  assert.equal(m.line("5.1/wrong-mask-in-text-client"), m.line("5.1/wrong-mask-in-text"));
  assert.equal(m.line("9/9"), undefined);
  assert.equal(m.asked(m.lines[0], m.columns[2])?.id, "5.1/wrong-mask-in-text-client");
  assert.equal(m.asked(m.lines[1], m.columns[2]), null);
});

test("a report lands in its line and column, and one of nobody nowhere", () => {
  const m = matrix();
  assert.equal(m.report(report("5.1/wrong-mask-in-text-client", browserName))?.line.id, "5.1/wrong-mask-in-text");
  assert.equal(m.report(report("5.1/wrong-mask-in-text", "stranger")), null);
  assert.equal(m.report(report("9/9", "naive")), null);
  assert.equal(m.of(m.lines[0], m.columns[2])?.verdict, "pass");
  m.forget(m.columns[2], [m.lines[0]]);
  assert.equal(m.of(m.lines[0], m.columns[2]), null);
});

test("columns are counted by the graver of two verdicts", () => {
  const m = matrix();
  m.report(report("5.1/wrong-mask-in-text", "naive", "pass", "fail"));
  m.report(report("5.1/wrong-mask-in-binary", "naive", "note", "warning"));
  m.report(report("5.5.2/empty-ping", "naive"));
  assert.deepEqual(m.counts(m.columns[1]), { pass: 1, note: 0, warning: 1, "not-judged": 0, "no-answer": 0, fail: 1, none: 1, asked: 4 });
  assert.equal(tally(m.counts(m.columns[1])), "1\u00a0✔ 1\u00a0≈ 1\u00a0×");
  assert.equal(worst(report("x", "y", "note", "pass")), "note");
  assert.equal(tallyWords(m.counts(m.columns[1])), "1 pass, 1 warning, 1 fail");
  assert.equal(said(report("x", "y", "pass", "fail")), "pass, closing fail");
  assert.equal(said(null), "not run");
});

test("no answer and not judged have a sign and words of their own, and fail outweighs both", () => {
  assert.equal(said(report("x", "y", "no-answer", "no-answer")), "no answer");
  assert.equal(said(report("x", "y", "not-judged", "not-judged")), "not judged");
  assert.equal(worst(report("x", "y", "no-answer", "fail")), "fail");
  assert.equal(worst(report("x", "y", "warning", "no-answer")), "no-answer");
  assert.equal(worst(report("x", "y", "not-judged", "warning")), "not-judged");
  const m = matrix();
  m.report(report("5.1/wrong-mask-in-text", "naive", "no-answer", "no-answer"));
  m.report(report("5.1/wrong-mask-in-binary", "naive", "not-judged", "not-judged"));
  assert.equal(tally(m.counts(m.columns[1])), "1\u00a0? 1\u00a0∅");
  assert.deepEqual(m.filtered({ section: "", keyword: "", text: "", verdict: "not-judged" }).map((l) => l.id), ["5.1/wrong-mask-in-binary"]);
});

test("what a run names at its end is kept by column, until the column is judged anew", () => {
  const m = matrix();
  const dropped = { endpoint: "naive", mistake: { code: "first-fragment-dropped", says: "You dropped it.", instead: "Keep it.", section: "RFC 6455 §5.4", usually: "a buffer" }, cases: ["5.1/wrong-mask-in-text"] };
  for (const c of m.columns) m.diagnose(c, [dropped], 12);
  assert.deepEqual([...m.wrong], [["naive", { list: [dropped], by: 12 }]]);
  m.forget(m.columns[0]);
  assert.equal(m.wrong.size, 1);
  m.forget(m.columns[1], [m.lines[1]]);
  assert.equal(m.wrong.size, 0);
  m.diagnose(m.columns[1], [dropped], 12);
  m.diagnose(m.columns[1], [], 12);
  assert.equal(m.wrong.size, 0);
});

test("each filter leaves what it says, and all together what all say", () => {
  const m = matrix();
  m.report(report("5.1/wrong-mask-in-text", "reference"));
  m.report(report("5.1/wrong-mask-in-text", "naive", "fail"));
  m.report(report("5.1/wrong-mask-in-binary", "reference"));
  m.report(report("5.1/wrong-mask-in-binary", "naive"));
  const ids = (more) => m.filtered({ ...everything, ...more }).map((l) => l.id);
  assert.equal(ids({}).length, 5);
  assert.deepEqual(ids({ section: "5.1" }), ["5.1/wrong-mask-in-text", "5.1/wrong-mask-in-binary", "5.1/wrong-mask-in-first-fragment"]);
  assert.deepEqual(ids({ section: "5.5" }), ["5.5.2/empty-ping"]);
  assert.deepEqual(ids({ keyword: "SHOULD" }), ["5.1/wrong-mask-in-binary"]);
  assert.deepEqual(ids({ text: "PING" }), ["5.5.2/empty-ping"]);
  assert.deepEqual(ids({ text: "control-length" }), ["5.5.2/empty-ping"]);
  assert.deepEqual(ids({ text: " 5.1/wrong-mask-in-binary " }), ["5.1/wrong-mask-in-binary"]);
  assert.deepEqual(ids({ verdict: "fail" }), ["5.1/wrong-mask-in-text"]);
  assert.deepEqual(ids({ verdict: "differs" }), ["5.1/wrong-mask-in-text"]);
  assert.deepEqual(ids({ verdict: "differs:reference,naive" }), ["5.1/wrong-mask-in-text"]);
  assert.deepEqual(ids({ verdict: "differs:reference,gorilla" }), []);
  assert.deepEqual(ids({ verdict: "none" }), ["5.1/wrong-mask-in-text", "5.1/wrong-mask-in-first-fragment", "5.5.2/empty-ping", "sizes/text-of-256-kib"]);
  assert.deepEqual(ids({ verdict: "pass", keyword: "MUST" }), ["5.1/wrong-mask-in-text"]);
  assert.deepEqual(ids({ text: "nothing of the kind" }), []);
});

test("an old link with a number leads to its section", () => {
  const m = matrix();
  assert.equal(m.numbered("5.1/7"), "5.1");
  assert.equal(m.numbered("5.1/7c"), "5.1");
  for (const id of ["5.1/wrong-mask-in-text", "5.9/7", "5.1/7x", ""]) assert.equal(m.numbered(id), "", id);
});

test("a whole ID finds its case alone, and the beginning of one all that it begins", () => {
  const m = new Matrix();
  m.take([asks("5.1/wrong-mask"), asks("5.1/wrong-mask-in-ping"), asks("5.1/right")]);
  const ids = (/** @type {string} */ text) => m.filtered({ ...everything, text }).map((l) => l.id);
  assert.deepEqual(ids("5.1/wrong-mask"), ["5.1/wrong-mask"]);
  assert.deepEqual(ids("5.1/wrong"), ["5.1/wrong-mask", "5.1/wrong-mask-in-ping"]);
  assert.deepEqual(ids("mask-in"), ["5.1/wrong-mask-in-ping"]);
});

test("the address names a case, or none", () => {
  assert.equal(caseOf("#5.5/ping-of-126"), "5.5/ping-of-126");
  assert.equal(caseOf("#5.5%2Fping-of-126-client"), "5.5/ping-of-126-client");
  assert.equal(caseOf("#7692-7.2.1/12"), "7692-7.2.1/12"); // as links were before cases had names
  for (const hash of ["", "#", "#cases", "#headers", "#headers/reference-server/fresh/8185", "#headers/1", "#e=3&b=1", "#5.5/"]) assert.equal(caseOf(hash), "", hash);
});

test("an address is made whole, or told what is wrong with it", () => {
  const url = (/** @type {string} */ text) => /** @type {any} */ (serverAddress(text)).url;
  assert.equal(url("9000"), "ws://localhost:9000/");
  assert.equal(url(":9000/echo"), "ws://localhost:9000/echo");
  assert.equal(url(" localhost:9000 "), "ws://localhost:9000/");
  assert.equal(url("127.0.0.1:9000/x?y"), "ws://127.0.0.1:9000/x?y");
  assert.equal(url("http://localhost:9000"), "ws://localhost:9000/");
  assert.equal(url("HTTPS://localhost:9000"), "wss://localhost:9000/");
  assert.equal(url("ws://[::1]:9000/"), "ws://[::1]:9000/");
  for (const bad of ["", "   ", "ftp://localhost/", "ws://", "ws://local host/", "ws://localhost/#x", "ws://localhost:99999/"]) assert.ok(/** @type {any} */ (serverAddress(bad)).error, bad);
});

test("a caret stands under the first wrong byte, and under its first wrong bit", () => {
  const r = report("x", "y", "fail", "fail", { bytes: "81052748", caret: 8 });
  assert.deepEqual(caret(r), { text: "81 05 27 48\n   ^^\n\n0000 0101\n^", words: "byte 1, bit 0, 0x80" });
  assert.equal(caret({ ...r, caret: 13 })?.text.split("\n").at(-1), "      ^");
  const long = caret({ ...r, bytes: "00".repeat(40), caret: 8 * 17 + 3, skipped: 100 });
  assert.equal(long?.text.split("\n")[2], "   ^^");
  assert.equal(long?.words, "byte 117, bit 3, 0x10; 100 bytes before these are not shown");
  assert.equal(caret({ ...r, bytes: "" }), null);
  assert.deepEqual(caret({ ...r, caret: -1 }), { text: "81 05 27 48", words: "the whole frame: no frame was expected here" });
});

test("of many steps the first, the last and those around the first difference are shown", () => {
  assert.deepEqual(excerpt(12, 3), [[0, 12]]);
  assert.deepEqual(excerpt(1000, -1), [[0, 16], [994, 1000]]);
  assert.deepEqual(excerpt(1000, 500), [[0, 16], [497, 512], [994, 1000]]);
  assert.deepEqual(excerpt(1000, 10), [[0, 22], [994, 1000]]);
  assert.deepEqual(excerpt(1000, 999), [[0, 16], [994, 1000]]);
});

test("a server that is away is asked for gently, and not for ever", () => {
  assert.equal(pollAfter(true, 0), 1500);
  assert.equal(pollAfter(true, 120_000), 5000);
  assert.equal(pollAfter(false, 0), 5000);
  assert.equal(pollAfter(true, 31 * 60_000), 0);
});

test("a verdict is told in the words that a report uses, with the sentence of the graver one", () => {
  assert.equal(said(/** @type {any} */ ({ verdict: "note", closing: "warning" })), "note, closing warning");
  const r = /** @type {any} */ ({ verdict: "note", closing: "warning", reason: "No echo.", closingReason: "No Close frame." });
  assert.equal(because(r), "No Close frame.");
  assert.equal(because({ ...r, verdict: "fail" }), "No echo.");
  assert.equal(because({ ...r, closingReason: undefined }), "No echo.");
});

test("what many cases have in common, and what was not sent, is known by column", () => {
  const m = new Matrix();
  m.take(/** @type {any} */ ([{ id: "7692-7.1/fail-client-max-window-bits-08", judges: "client", title: "", requirement: "", keyword: "MUST", rules: [] }]));
  const column = /** @type {any} */ ({ name: browserName, label: browserName, kind: "browser" });
  m.columns = [column];
  m.report(/** @type {any} */ ({ case: "7692-7.1/fail-client-max-window-bits-08", endpoint: browserName, verdict: "note", closing: "note", withheld: true }));
  assert.deepEqual(m.withheld(column), ["7692-7.1/fail-client-max-window-bits-08"]);
  m.habit(column, [
    { endpoint: browserName, verdict: "warning", says: "No Close frame.", cases: ["a/1", "a/2"] },
    { endpoint: "naive", verdict: "fail", says: "x", cases: [] },
  ]);
  assert.equal(m.habits.get(browserName)?.length, 1);
  m.forget(column);
  assert.equal(m.habits.get(browserName), undefined);
  assert.deepEqual(m.withheld(column), []);
});

test("a socket is opened with its subprotocols, echoes, and tells what its script was told", async () => {
  /** @type {any[]} */
  const made = [];
  const before = globalThis.WebSocket;
  class Fake {
    static OPEN = 1;
    readyState = 1;
    protocol = "chat";
    /** @type {any[]} */
    sent = [];
    constructor(/** @type {any[]} */ ...args) {
      made.push([this, args]);
    }
    send(/** @type {any} */ data) {
      this.sent.push(data);
    }
  }
  globalThis.WebSocket = /** @type {any} */ (Fake);
  try {
    const over = echoOnce("ws://x/1", ["chat"]);
    const [ws, args] = made[0];
    assert.deepEqual(args, ["ws://x/1", ["chat"]]);
    ws.onopen();
    for (let i = 0; i < 10; i++) ws.onmessage({ data: "ü" });
    ws.onmessage({ data: new ArrayBuffer(3) });
    ws.onerror();
    ws.onclose({ code: 1006, reason: "", wasClean: false });
    const events = await over;
    assert.equal(ws.sent.length, 11);
    assert.deepEqual(events[0], { what: "onopen", text: "protocol “chat”" });
    assert.deepEqual(events.filter((e) => e.what === "onmessage").length, 9);
    assert.deepEqual(events.slice(-3).map(scriptText), ["onerror", "onmessage, 3 more messages before", "onclose, code 1006, wasClean false"]);
    globalThis.WebSocket = /** @type {any} */ (
      class {
        constructor() {
          throw new Error("no");
        }
      }
    );
    assert.deepEqual(await echoOnce("x"), [{ what: "threw", text: "Error: no" }]);
  } finally {
    globalThis.WebSocket = before;
  }
});
