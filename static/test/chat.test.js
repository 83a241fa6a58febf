import assert from "node:assert/strict";
import { test } from "node:test";
import { socketSide, tcpSide } from "../chat.js";
import { Tape, hexOf } from "./events.js";

test("raw TCP keeps the bytes, and loses the borders of the writes", () => {
  const t = new Tape();
  const call = (from, verb, phase, more) => t.add("call", 1, from, { id: t.events.length, name: `net.Conn.${verb}`, verb, phase, ...more });
  for (const text of ["Hello", "bye"]) {
    call("client", "write", "enter", { args: `${text.length} bytes: "${text}"` });
    call("client", "write", "return", { result: `${text.length} bytes` });
  }
  call("server", "read", "enter", { args: "room for 4096 bytes" });
  t.add("bytes", 1, "client", { size: 8, hex: hexOf("Hellobye") });
  call("server", "read", "return", { result: '8 bytes: "Hellobye"' });
  call("server", "read", "return", { result: "", error: { type: "*errors.errorString", text: "EOF" } });
  assert.deepEqual(tcpSide(t.events), { wrote: ['5 bytes: "Hello"', '3 bytes: "bye"'], wire: ["8 bytes “Hellobye”"], units: null, read: ['8 bytes: "Hellobye"'], bytes: 8, before: 0 });
});

test("WebSocket keeps the messages apart", () => {
  const t = new Tape();
  t.add("bytes", 1, "client", { size: 218, hex: "" });
  t.add("handshake", 1, "client", { what: "request", size: 218, hex: "", line: "" });
  t.add("handshake", 1, "server", { what: "response", size: 129, hex: "", line: "" });
  for (const text of ["Hello", "bye"]) {
    const { seq } = t.add("script", 1, "client", { client: "chat-1-ws", what: "write", size: 6 + text.length });
    t.add("frame", 1, "client", { size: 6 + text.length, text, header: { fin: true, masked: true, opcode: 1, name: "text", length: String(text.length), size: 6 } }, { by: seq });
    t.add("call", 1, "server", { id: 1, name: "ReadMessage", verb: "read", phase: "return", result: `text, ${text.length} bytes` });
  }
  t.add("bytes", 1, "client", { size: 28, hex: "" });
  t.add("frame", 1, "client", { size: 8, header: { fin: true, masked: true, opcode: 8, name: "close", length: "2", size: 6 }, close: { code: 1000, name: "", reason: "" } });
  const side = socketSide(t.events);
  assert.deepEqual([side.wrote, side.read, side.bytes, side.before], [["11 bytes: a frame with “Hello”", "9 bytes: a frame with “bye”"], ["text, 5 bytes", "text, 3 bytes"], 20, 347]);
  assert.deepEqual(side.wire, ["28 bytes"], "TCP delivers three frames as one piece");
  assert.deepEqual(side.units, ["11 bytes: TEXT FIN masked · 5 bytes · “Hello”", "9 bytes: TEXT FIN masked · 3 bytes · “bye”", "8 bytes: CLOSE FIN masked · 1000"]);
});
