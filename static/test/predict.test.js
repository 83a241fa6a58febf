import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, evaluate, matches, right, same, shown } from "../predict.js";
import { Tape } from "./events.js";

const hello = new Tape().frame(1, "client", "Hello");

test("an expression names bytes, key and payload, and XORs them", () => {
  assert.equal(evaluate("byte.6", hello), 0x7f);
  assert.equal(evaluate("key.0", hello), 0x37);
  assert.equal(evaluate("payload.0", hello), 0x48);
  assert.equal(evaluate("payload.0 xor key.0", hello), 0x7f);
  assert.equal(evaluate("header.size + length", hello), 11);
  assert.equal(evaluate("0x10 + 1", hello), 17);
  assert.equal(evaluate('"text + more"', hello), "text + more");
});

test("what an event does not have is undefined, and equal to nothing", () => {
  assert.equal(evaluate("byte.99", hello), undefined);
  assert.equal(evaluate("close.code", hello), undefined);
  assert.equal(evaluate("byte.99 xor 1", hello), undefined);
  assert.ok(!same(undefined, undefined));
});

test("an expression that is not finished is refused in words", () => {
  assert.throws(() => evaluate("byte.6 xor", hello), /not complete/);
  assert.throws(() => evaluate("byte.6 minus 1", hello), /neither xor nor \+/);
});

test("handshakes, closes and scripts have names of their own", () => {
  const t = new Tape();
  const r = t.response(1, 101, [{ name: "Upgrade", value: "websocket" }]);
  r.handshake.accept = { expected: "a=", got: "b=" };
  assert.equal(evaluate("status", r), 101);
  assert.equal(evaluate("field.upgrade", r), "websocket");
  assert.equal(evaluate("field.Sec-WebSocket-Protocol", r), "");
  assert.ok(!same(evaluate("accept.expected", r), evaluate("accept.got", r)));
  assert.equal(evaluate("violation", r), "");
  const c = t.frame(1, "server", "", { opcode: 8, close: { code: 1002, reason: "" } });
  assert.equal(evaluate("close.code", c), 1002);
  assert.equal(evaluate("wasClean", t.script(1, "x", "onclose", { wasClean: false })), false);
});

test("the right choice is the one that comes out like the value", () => {
  const q = { value: "byte.6", choices: [{ is: "payload.0" }, { is: "payload.0 xor key.0" }, { is: "differs" }] };
  assert.deepEqual(right(q, hello), [false, true, false]);
});

test("a choice may be right by the words that the value has", () => {
  const q = { value: "error.text", choices: [{ is: '"EOF"' }, { is: 'has "1006"' }, { is: 'has "reset"' }] };
  const t = new Tape();
  const e = t.back(1, t.enter(1, "ReadMessage"), "ReadMessage", "", { type: "*reference.CloseError", text: "1006 abnormal closure: unexpected EOF" });
  assert.deepEqual(right(q, e), [false, true, false]);
  assert.deepEqual(right({ ...q, value: "byte.0" }, hello), [false, false, false]);
});

test("differs is right when no other choice is", () => {
  const q = { value: "byte.6", choices: [{ is: "payload.0" }, { is: "key.0" }, { is: "differs" }] };
  assert.deepEqual(right(q, hello), [false, false, true]);
});

test("a bit may be written 1 or true, an opcode by name or number", () => {
  assert.ok(same(evaluate("fin", hello), 1));
  assert.ok(same(evaluate("rsv1", hello), 0));
  assert.ok(same(evaluate("opcode", hello), "text"));
  assert.ok(!same(1, "1"));
});

test("a question finds the events that it is about", () => {
  assert.ok(matches({ kind: "frame", from: "client", opcode: "text" }, hello));
  assert.ok(matches({ kind: "frame", length: 5, form: 7 }, hello));
  assert.ok(!matches({ kind: "frame", from: "server" }, hello));
  assert.ok(!matches({ kind: "frame", length: 0 }, hello));
  assert.ok(matches({ kind: "frame", endpoint: "gorilla" }, hello, { endpoint: "gorilla" }));
  assert.ok(!matches({ kind: "frame", endpoint: "gorilla" }, hello, { endpoint: "reference" }));
  assert.ok(matches({ kind: "handshake", what: "response" }, new Tape().response(1)));
});

test("a call that failed is told from one before it that did not", () => {
  const t = new Tape();
  const about = { kind: "call", name: "ReadMessage", phase: "return", failed: 1 };
  assert.ok(!matches(about, t.back(1, t.enter(1, "ReadMessage"), "ReadMessage", "text, 5 bytes")));
  assert.ok(matches(about, t.back(1, t.enter(1, "ReadMessage"), "ReadMessage", "", { type: "*net.OpError", text: "reset" })));
});

test("how much an endpoint had read is asked of the context", () => {
  const q = { value: "read", choices: [{ is: "0 to 65535" }, { is: "65536 to 2097165" }, { is: "2097166 or more" }] };
  for (const [read, at] of [[0, 0], [65535, 0], [65536, 1], [2097165, 1], [2097166, 2]]) {
    assert.deepEqual(right(q, hello, { read }).indexOf(true), at, String(read));
    assert.equal(right(q, hello, { read }).filter(Boolean).length, 1);
  }
  assert.deepEqual(right(q, hello), [false, false, false]);
});

test("an event that two choices fit answers nothing: the next one does", () => {
  const t = new Tape();
  const q = { about: { kind: "frame", from: "client" }, value: "byte.6", choices: [{ is: "payload.0" }, { is: "payload.0 xor key.0" }] };
  const both = t.frame(1, "client", "Hello");
  both.frame.header.key = "00fa213d";
  both.frame.hex = `8185${both.frame.header.key}${both.frame.payload.slice(0, 2)}9f4d5158`;
  assert.deepEqual(right(q, both), [true, true]);
  const one = t.frame(1, "client", "Hello");
  assert.equal(answer(q, t.events, () => ({})), one);
});

test("a value of the run is written as its question has it", () => {
  assert.equal(shown(0x7f, "byte.6"), "0x7f");
  assert.equal(shown(101, "status"), "101");
  assert.equal(shown("", "violation"), "no violation");
  assert.equal(shown("", "error.type"), "nothing");
  assert.equal(shown(true, "wasClean"), "true");
  assert.equal(shown(true, "fin"), "1");
  assert.equal(shown(0x61, "payload.0"), "a, which is 0x61");
  assert.equal(shown(0x03, "payload.0"), "0x03");
  assert.equal(shown(1048590, "read"), "1,048,590 bytes");
  assert.equal(shown(1, "length"), "1 byte");
});

test("of several events that a question is about, the first that one of its choices fits answers it", () => {
  const t = new Tape();
  const q = { about: { kind: "frame", from: "client", opcode: "pong" }, value: "length", choices: [{ is: "0" }, { is: "12" }, { is: "4" }] };
  t.frame(1, "client", "1", { opcode: 10 }); // a heartbeat's, from before the question
  const asked = t.frame(1, "client", "still there?", { opcode: 10 });
  t.frame(1, "client", "", { opcode: 10 });
  t.frame(1, "client", "2", { opcode: 10 });
  assert.equal(answer(q, t.events, () => ({})), asked);
  assert.equal(answer(q, t.events.slice(0, 1), () => ({})), undefined);
  assert.equal(answer({ ...q, about: { ...q.about, scenario: "ping" } }, t.events, () => ({ scenario: "other" })), undefined);
});

test("a question about the result of a run is answered by that result alone", () => {
  const run = { seq: 9, at: 0, conn: 0, from: "client", kind: "ways", ways: { rate: 2, interval: 300, cheapest: "WebSocket", poll: { requests: 33, bytes: 20_000 } } };
  const q = { about: { kind: "ways", rate: 2, interval: 300 }, value: "poll.requests", choices: [{ is: "0 to 20" }, { is: "21 or more" }] };
  assert.equal(answer(q, [run], () => ({})), run);
  assert.equal(answer({ ...q, about: { ...q.about, rate: 5 } }, [run], () => ({})), undefined);
  assert.deepEqual(right(q, run), [false, true]);
  assert.deepEqual(right({ ...q, value: "cheapest", choices: [{ is: '"Polling"' }, { is: '"WebSocket"' }] }, run), [false, true]);
  assert.deepEqual([shown(33, "poll.requests"), shown(5, "streams"), shown(1, "tcp.reads"), shown("WebSocket", "cheapest")], ["33 requests", "5 streams", "1 read", "WebSocket"]);
  assert.equal(evaluate("socket.requests", run), undefined);
});
