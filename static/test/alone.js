/**
 * Renders elements alone in a browser, each with a small fake of the parts of
 * the lab that it needs. labserver's TestElementsRenderAlone opens it there.
 */

const frame = { offset: 0, size: 11, hex: "818537fa213d7f9f4d5158", payload: "48656c6c6f", text: "Hello", header: { fin: true, rsv1: false, rsv2: false, rsv3: false, opcode: 1, name: "text", masked: true, form: 7, length: "5", key: "37fa213d", size: 6 } };
const field = (name, bit, bits, more = {}) => ({ name, letter: name[0], group: "head", bit, bits, raw: "", value: "set", form: `${name} = set`, meaning: `${name} means something.`, ...more });
const fields = [field("FIN", 0, 1), field("RSV", 1, 3), field("opcode", 4, 4), field("MASK", 8, 1, { letter: "M", group: "len" }), field("payload length", 9, 7, { group: "len" }), field("masking key", 16, 32, { group: "key" }), field("payload", 48, 40, { group: "data" })];
const conn = { id: 1, endpoint: "reference", client: "reference-1", scripted: true, as: "tab", held: [], waiting: () => null };
const sent = { index: 0, seq: 3, at: 0, step: -1, js: null, sent: null, calls: [], held: [], mark: null, version: 0, conn, event: { seq: 3, at: 0, conn: 1, from: "client", kind: "frame", frame } };

/** A session with one row, or none. */
function session(rows = []) {
  const events = rows.map((r) => r.event);
  const history = { events, cursor: Infinity, last: events.length ? events[events.length - 1].seq : 0, count: (seq) => events.filter((e) => e.seq <= seq).length, get: (seq) => events.find((e) => e.seq === seq), live: true };
  return {
    id: "fake",
    server: "there",
    moment: "now",
    watching: false,
    notice: { kind: "info", text: "" },
    results: [],
    history,
    results: [],
    rows: { list: rows, bySeq: new Map(rows.map((r) => [r.event.seq, r])), byClient: new Map(), conns: new Map([[1, conn]]), plays: { byId: new Map(), byToken: new Map() }, stages: new Map(), version: 1, total: rows.length, gone: 0 },
    results: [],
    starting: Promise.resolve(),
    alive() {},
    flowing() {},
    addEventListener() {},
    observe: (fn) => fn(),
    touch() {},
    say() {},
  };
}
const inspector = () => ({ selection: { seq: 0, bit: 0, shown: 0, into: null }, shared: null, selected: [], select(...to) { this.selected.push(to); } });

const say = (value, what) => {
  if (!value) throw new Error(what);
};

/** @type {Record<string, (make: (tag: string, lab?: object, html?: Record<string, string>) => HTMLElement, $: (on: HTMLElement, selector: string) => HTMLElement) => unknown>} */
const tests = {
  async "ws-bits"(make, $) {
    const on = make("ws-bits");
    let pinned = -1;
    on.addEventListener("ws-bit", (e) => e.detail.pin && (pinned = e.detail.bit));
    on.show(frame, fields, { bit: 8, shown: 8, into: null }, false);
    say(on.querySelectorAll("[data-bit]").length >= 88, "a cell for each of 88 bits");
    say(/MASK/.test($(on, '.bits [data-bit="8"]').getAttribute("aria-label")), "the MASK bit is named");
    $(on, '.bits [data-bit="8"]').click();
    say(pinned === 8, "a click pins the MASK bit");
  },
  "ws-field-card"(make, $) {
    const on = make("ws-field-card");
    on.show(fields[3], 8, []);
    say(/MASK/.test($(on, "h3").textContent) && /means something/.test(on.textContent), "the field and its meaning");
  },
  async "ws-builder"(make, $) {
    const on = make("ws-builder");
    let built = { hex: "", parts: [], error: "" };
    on.addEventListener("ws-built", (e) => (built = e.detail));
    const set = (name, value) => {
      $(on, `[name=${name}]`).value = value;
      $(on, `[name=${name}]`).dispatchEvent(new Event("input", { bubbles: true }));
    };
    set("opcode", "9");
    say(built.hex === "898537fa213d7f9f4d5158", `a Ping with Hello, not ${built.hex}`);
    set("cuts", "1 2");
    say(built.parts.join() === "89,85,37fa213d7f9f4d5158", `three parts, not ${built.parts}`);
    set("key", "37");
    say(/4 bytes/.test(built.error) && !built.parts.length && /4 bytes/.test($(on, ".wrong").textContent), "a key of one byte is refused in words");
    set("key", "37 fa 21 3d");
    $(on, "[data-command=add]").click();
    say(built.hex.endsWith("818537fa213d7f9f4d5158") && on.querySelectorAll("[data-item]").length === 2, "a second frame follows the first");
  },
  "ws-unmask"(make) {
    const on = make("ws-unmask", { session: session([sent]), inspector: inspector() });
    say(/Unmasking your frame to reference/.test(on.textContent) && /7f/.test(on.textContent) && /48/.test(on.textContent), "wire and plain bytes of the tab's frame");
  },
  "ws-accept"(make) {
    const accept = { key: "the key", guid: "258E", joined: "", sha1: "b37a", expected: "s3pP", got: "s3pP", mistake: "" };
    const row = { ...sent, event: { ...sent.event, frame: undefined, kind: "handshake", handshake: { what: "response", accept } } };
    const on = make("ws-accept", { session: session([row]), inspector: { ...inspector(), selection: { seq: 3 } } });
    say(/the key/.test(on.textContent), "the handshake key is the first step");
  },
  "ws-lengths"(make, $) {
    const asked = [];
    const on = make("ws-lengths", { session: session([sent]), inspector: inspector(), actions: { act: (a) => asked.push(a) } }, { "data-sizes": "5 126" });
    say(/81/.test(on.textContent) && /126/.test(on.textContent), "the header of the frame of 5 bytes, and a row for 126");
    $(on, '[data-send="126"]').click();
    say(asked.length === 1 && asked[0].repeat === 126, "the button sends 126 bytes");
  },
  async "ws-do"(make, $) {
    const asked = [];
    const on = make("ws-do", { session: session(), cursor: { turnBack() {} }, actions: { world: {}, act: (a) => (asked.push(a), Promise.reject(new Error("not today"))) } });
    on.insertAdjacentElement("afterbegin", Object.assign(document.createElement("button"), { textContent: "go" })).setAttribute("data-do", '{"do":"connect"}');
    $(on, "button").click();
    await new Promise((done) => setTimeout(done));
    say(asked[0].do === "connect" && /not today/.test($(on, "output").textContent), "the action is asked for, and its refusal is said");
  },
  "ws-predict"(make, $) {
    const question = { id: "alone", ask: "How long is the payload?", about: { kind: "frame" }, value: "size", choices: [{ is: "11", text: "11 bytes" }, { is: "12", text: "12 bytes" }], explain: "Because." };
    const on = make("ws-predict", { session: session([sent]) }, { "data-predict": JSON.stringify(question) });
    $(on, "input").click();
    $(on, ".lock").click();
    say(/Because/.test(on.textContent) && on.answered, "the recorded frame answers the question");
  },
  "ws-timeline"(make, $) {
    const selection = inspector();
    const view = { list: [sent], gone: 0, count: () => 1 };
    const on = make("ws-timeline", { session: session([sent]), inspector: selection, cursor: { view, at: Infinity, mode: "all", asTable: false, news: 0, index: 0, rowOf: (row) => row } });
    on.style.cssText = "display: block; height: 200px";
    $(on, ".scroll").style.cssText = "height: 200px; overflow: auto";
    $(on, ".probe").style.cssText = "height: 27px; display: block";
    on.measure();
    const row = $(on, "#row-0");
    say(/TEXT/.test(row.textContent), "the frame has a row");
    row.click();
    say(selection.selected[0]?.[0] === 3, "a click selects it");
  },
  async "ws-matrix"(make) {
    const { Matrix } = await import("../compare.js");
    const matrix = new Matrix();
    const about = { title: "A reserved bit", requirement: "", keyword: "MUST", section: "5.2", rfc: 6455, rules: [], judges: "server", opening: "", sends: [], legal: [] };
    matrix.take([{ id: "5.2/1", ...about }]);
    matrix.columns = [{ name: "reference", label: "reference", kind: "own" }];
    const on = make("ws-matrix");
    on.judging = { matrix, running: new Map(), runOf: () => undefined };
    on.draw();
    let opened = "";
    on.addEventListener("ws-case", (e) => (opened = e.detail));
    on.querySelector(".line[data-id]").focus();
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    say(opened === "5.2/1", "Enter opens the case");
  },
  async "ws-handshake"() {
    const { handshakeTable } = await import("../elements/handshake.js");
    const shown = handshakeTable({ what: "request", line: "GET / HTTP/1.1", size: 0, hex: "", fields: [{ name: "Upgrade", value: "websocket", offset: 0, size: 0, rfc: ["4.1", "4.2.1"] }] });
    const links = shown.flatMap((on) => (on.querySelectorAll ? [...on.querySelectorAll("a")] : [])).map((a) => a.textContent);
    say(links.join() === "RFC 6455 §4.1,RFC 6455 §4.2.1", `links to RFC 6455, not ${links}`);
  },
  async "ws-calls"(make, $) {
    const at = (line) => [{ func: "(*Conn).read", package: "github.com/gorilla/websocket", file: "conn.go", line: 371, depth: 1 }, { func: "(*Conn).advanceFrame", package: "github.com/gorilla/websocket", file: "conn.go", line, depth: 0 }];
    const list = [0, 1, 2].map((n) => ({ event: { seq: n }, op: "read", calls: at(n < 2 ? 809 : 883), first: n, last: n, whole: 1 }));
    const on = make("ws-calls");
    on.show("gorilla reads 3 bytes", "gorilla", list, 2);
    say(on.querySelectorAll(".groups li").length === 2, "bytes with the same calls are one line");
    say(/advanceFrame, conn.go line 883/.test($(on, "[aria-current]").getAttribute("aria-label")), "the selected byte's line is marked and named");
    say(/only byte 2/.test($(on, ".crossing").textContent), "it says that one Read returned the byte");
    let byte = -1;
    on.addEventListener("ws-bit", (e) => (byte = e.detail.bit >> 3));
    $(on, "[data-byte='0']").click();
    say(byte === 0, "a line leads to its first byte");
    for (let n = 0; n < 100 && !on.querySelector(".nest .own"); n++) await new Promise((done) => setTimeout(done, 20));
    say(on.querySelectorAll(".nest .own").length === 2 && /advanceFrame/.test($(on, ".nest li").textContent), "the outermost call is first, even without its source");
    const { fetch } = window;
    const link = "https://github.com/gorilla/websocket/blob/v1.5.3/conn.go#L906";
    window.fetch = async () => new Response(JSON.stringify({ package: "", file: "conn.go", symbol: "", first: 0, hot: [0, 0], numbers: [], lines: [], link }));
    on.show("gorilla reads 1 byte", "gorilla", [{ ...list[0], calls: at(906) }], 0);
    for (let n = 0; n < 100 && !on.querySelector(".nest a"); n++) await new Promise((done) => setTimeout(done, 20));
    window.fetch = fetch;
    say(/not on this computer/.test($(on, ".nest").textContent) && $(on, ".nest a").href === link, "without gorilla's source, it says so and links to it");
  },
  async "ws-stack"(make, $) {
    const frames = { client: { ...frame, offset: 10 }, server: { ...frame, offset: 0, size: 7, header: { ...frame.header, masked: false, size: 2 } } };
    const rows = ["client", "server"].map((from, i) => ({ ...sent, conn: { ...conn, stacks: [] }, event: { ...sent.event, seq: 3 + i, from, frame: frames[from] } }));
    rows[1].conn = rows[0].conn;
    rows[0].conn.stacks = Array.from({ length: 11 }, (_, n) => ({ seq: 5 + n, from: "client", stack: { op: "read", at: 10 + n, size: 1, calls: [{ func: n < 2 ? "ParseHeader" : "fill", package: "wslab/reference", file: "conn.go", line: n < 2 ? 1 : 2, depth: 0 }] } }));
    const tape = session(rows);
    tape.rows.byClient.set("reference-1", rows[0].conn);
    const cursor = { mode: "reference", stepper: null };
    const chosen = { ...inspector(), details: new Map([[3, { fields }]]), found: 0 };
    const on = make("ws-stack", { session: tape, cursor, inspector: chosen, sockets: {}, actions: {} }, { "data-stack": '{"send":5,"reads":1,"find":0}' });
    say($(on, "input").value === "5" && on.whole.hidden, "the size of the message, and no walk yet");
    Object.assign(on, { clients: [{ token: "reference-1", endpoint: "reference" }], session: "fake" });
    on.render();
    on.begin();
    say(cursor.stepper === on.stepper, "the keys lead through the bytes");
    say(/byte 0 of 11/.test($(on, ".where").textContent) && /FIN set/.test($(on, ".known").textContent), "the first byte, and what it says");
    cursor.stepper.step();
    cursor.stepper.step();
    say(/byte 2 of 11/.test($(on, ".where").textContent) && /masking key: 1 of 4 bytes/.test($(on, ".known").textContent), "a step leads to the next byte");
    say(chosen.selected.at(-1).join() === "3,16", "the lab shows the same byte");
    say(/fill/.test($(on, "ws-calls [aria-current]").getAttribute("aria-label")), "the line that waited for it");
    say(/Byte 2 of 11. reference: fill, conn.go line 2/.test($(on, "[aria-live]").textContent), "and a screen reader hears it");
    cursor.stepper.back();
    say(/byte 1 of 11/.test($(on, ".where").textContent), "and a step back to the one before");
  },
  async "ws-checks"(make, $) {
    const tape = session();
    const plays = new Map();
    const at = { "no-key": 157, "no-upgrade": 133 };
    Object.assign(tape, { alive() {}, starting: Promise.resolve(), stackAtWire: async () => {} });
    tape.rows.plays.byId = plays;
    const player = {
      async begin({ scenario, endpoint }) {
        const token = `${scenario} ${endpoint}`;
        const calls = endpoint === "gorilla" ? [{ func: "(*Upgrader).returnError", package: "github.com/gorilla/websocket", file: "server.go", line: 83, depth: 1 }, { func: "(*Upgrader).Upgrade", package: "github.com/gorilla/websocket", file: "server.go", line: at[scenario], depth: 0 }] : [];
        const event = { seq: at[scenario], from: "server", kind: "handshake", handshake: { what: "response", status: 400, size: 90, line: "", hex: "" } };
        tape.rows.byClient.set(token, { stacks: [{ seq: 1, from: "server", stack: { op: "respond", status: 400, at: 0, size: 0, calls } }], response: { event } });
        plays.set(token, { over: 1 });
        return { play: token, token };
      },
    };
    const chosen = inspector();
    const on = make("ws-checks", { session: tape, player, inspector: chosen }, { "data-checks": JSON.stringify([{ name: "no-key", title: "No key" }, { name: "no-upgrade", title: "No Upgrade" }]) });
    say(/No key/.test($(on, "tbody tr").textContent), "the requests are there before the run");
    await on.run();
    say(/No Upgrade.*400.*server.go:133/.test($(on, "tbody tr").textContent) && /server.go:157/.test(on.textContent), "after it, each has the line that refused it, in the order of the source");
    $(on, "[data-seq='133']").click();
    say(chosen.selected[0]?.[0] === 133, "a status leads to its response");
  },
  async "ws-bugs"(make, $) {
    const { bugs, card, found } = await (await fetch("/static/test/bugs.json")).json();
    const real = window.fetch;
    const asked = [];
    const answers = { "/api/bugs": bugs, "/api/scenarios": { scenarios: [{ name: bugs.attacks[0].scenario, text: "# A title\n# An explanation\nopen\nbytes 81", steps: [] }] }, "/api/sessions/fake/bugs": found };
    window.fetch = async (url) => (asked.push(url), new Response(JSON.stringify(answers[url] || card)));
    localStorage.removeItem("wslab:bugs");
    try {
      const lab = { session: Object.assign(session(), { addEventListener() {} }), cursor: {}, inspector: inspector() };
      const on = make("ws-bugs", lab, { "data-goal": "1" });
      const until = async (what, is) => {
        for (let n = 0; !is(); n++) {
          say(n < 1000, what);
          await new Promise((done) => setTimeout(done, 5));
        }
      };
      await until("a tile for each card", () => on.querySelectorAll(".tile").length === bugs.areas.reduce((n, a) => n + a.cards.length, 0));
      await until("the fault that the recording shows opens its card", () => on.querySelector(".face.opened"));
      say(on.querySelector(".face.opened").textContent.includes(card.name) && on.querySelector(".diff, pre.listing"), "the open card has the fault's name and its lines");
      say(/1 of \d+ faults found. Exercise done/.test($(on, ".score .total").textContent) && on.answered, "the score counts it");
      say($(on, ".says code").textContent === "open\nbytes 81", "the attack shows its lines, without explanations");
      const closed = [...on.querySelectorAll(".tile:not(.opened)")][0];
      const number = closed.dataset.card;
      closed.click();
      say($(on, ".face").textContent.includes("not seen this fault") && !$(on, ".face").textContent.includes(card.name), "a closed card names no fault");
      $(on, ".hint").click();
      $(on, ".hint").click();
      say(on.querySelectorAll(".hinted").length === 2 && !on.querySelector(".hint"), "two hints, and no more");
      say(!asked.includes(`/api/bugs/${number}`), "the page does not ask for a fault that is not found");
      $(on, ".reset").click();
      say(/^0 of/.test($(on, ".score .total").textContent) && !on.querySelector(".opened") && !localStorage.getItem("wslab:bugs"), "a reset closes the cards");
    } finally {
      window.fetch = real;
    }
  },
  async "ws-ways"(make, $) {
    const refused = { ...session(), post: () => Promise.reject(new Error("not today")) };
    const on = make("ws-ways", { session: refused, sockets: {} });
    const rate = $(on, "input[name=rate]");
    rate.value = rate.max;
    rate.dispatchEvent(new Event("input", { bubbles: true }));
    say(on.settings.rate === 20 && rate.getAttribute("aria-valuetext") === "20", "the slider ends at 20 events per second");
    for (let i = 0; i < 3; i++) $(on, '[data-up="socket"]').click();
    say(on.guess.join() === "socket,poll,long,events" && document.activeElement?.getAttribute("data-down") === "socket", "WebSocket is first, and the focus stays with it");
    $(on, ".lock").click();
    say(on.locked && !on.querySelector("[data-up]"), "a locked order has no buttons to move");
    $(on, ".unlock").click();
    $(on, ".start").click();
    await new Promise((done) => setTimeout(done));
    say(/× The run failed: not today/.test(on.textContent) && $(on, ".start").textContent === "Start run", "a refusal is said, and another run is possible");
  },
  async "ws-streams"(make, $) {
    const refused = { ...session(), post: () => Promise.reject(new Error("not today")) };
    const on = make("ws-streams", { session: refused });
    $(on, ".start").click();
    await new Promise((done) => setTimeout(done));
    say(/× The count failed: not today/.test(on.textContent) && !$(on, ".start").disabled, "a refusal is said");
  },
  async "ws-chat"(make, $) {
    const told = [];
    const byClient = new Map([["t", { id: 7, ended: 9 }], ["s", { id: 8, ended: 9 }]]);
    const base = session();
    const events = [{ seq: 1, at: 0, conn: 7, from: "client", kind: "bytes", bytes: { size: 3, hex: "616263" } }, { seq: 2, at: 0, conn: 7, from: "server", kind: "call", call: { id: 1, name: "net.Conn.Read", verb: "read", phase: "return", result: '3 bytes: "abc"' } }];
    const on = make("ws-chat", { session: { ...base, rows: { ...base.rows, byClient }, history: { ...base.history, events }, post: async () => ({ tcp: "t", socket: "s" }), tell: (...what) => told.push(what) } });
    $(on, "[data-split]").click();
    await new Promise((done) => setTimeout(done));
    say(/3 bytes “abc”/.test(on.textContent) && told[0][0] === "chat" && told[0][1].tcp.reads === 1, "the columns show the recorded bytes, and the result is added");
  },
  async "ws-doors"(make, $) {
    const { Rows } = await import("../rows.js");
    const posted = [];
    const fake = { ...session(), rows: new Rows(), alive() {}, post: async (what, body) => (posted.push(body), { clients: [{ endpoint: "listener", client: "whole-listener-1" }] }) };
    const events = [
      { seq: 1, at: 1, conn: 1, from: "client", kind: "tcp", tcp: { what: "open", endpoint: "listener", client: "whole-listener-1", as: "raw", round: 1, path: "/echo" } },
      { seq: 2, at: 2, conn: 1, from: "client", kind: "bytes", bytes: { size: 18, hex: [..."GET / HTTP/1.1\r\n\r\n"].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("") } },
      { seq: 3, at: 3, conn: 1, from: "server", kind: "handshake", handshake: { what: "response", line: "HTTP/1.1 426 Upgrade Required", status: 426, size: 1, hex: "" } },
      { seq: 4, at: 4, conn: 1, from: "server", kind: "tcp", tcp: { what: "closed" } },
    ];
    const selection = inspector();
    const on = make("ws-doors", { session: fake, inspector: selection, sockets: { round: 0 }, cursor: { toNewest() {} } }, { "data-run": "whole" });
    $(on, "button").click();
    await new Promise((done) => setTimeout(done));
    say(posted[0].run === "whole" && posted[0].round === 1, "the run is asked for");
    fake.history.events.push(...events);
    fake.rows.append(events);
    on.render();
    say(/The whole request, 18 bytes/.test(on.textContent) && /426/.test($(on, "output").textContent), "the read and the response");
    $(on, "[data-seq]").click();
    say(selection.selected[0]?.[0] === 3, "the response can be selected");
  },
  "ws-tally"(make) {
    const on = make("ws-tally", { session: session(), player: {} }, { "data-tally": JSON.stringify({ runs: 3, scenarios: [{ name: "alone", title: "A close" }] }) });
    say(/A close/.test(on.textContent) && on.querySelector("[data-run]"), "a row with a button for the scenario");
  },
};

/** Renders every element, and returns what failed, by tag. */
export async function failures() {
  const failed = {};
  for (const [tag, test] of Object.entries(tests)) {
    const name = tag.slice(3);
    if (tag === "ws-stack") (await import("../elements/calls.js")).WsCalls.define();
    const module = await import(`../elements/${name}.js`);
    for (const value of Object.values(module)) if (value.tag) value.define();
    const made = [];
    try {
      await test(
        (tag, lab = {}, attributes = {}) => {
          const on = document.createElement(tag);
          // An element reaches no part that it was not given.
          on.lab = new Proxy(lab, {
            get: (of, part) => {
              if (!(part in of)) throw new Error(`it asks for ${String(part)}, which was not given`);
              return of[part];
            },
          });
          for (const [name, value] of Object.entries(attributes)) on.setAttribute(name, value);
          document.body.append(on);
          made.push(on);
          return on;
        },
        (on, selector) => {
          const found = on.querySelector(selector);
          if (!found) throw new Error(`there is no ${selector}`);
          return found;
        },
      );
    } catch (e) {
      failed[tag] = String(e);
    }
    for (const on of made) on.remove();
  }
  return { failed, rendered: Object.keys(tests).length };
}
