import assert from "node:assert/strict";
import { test } from "node:test";
import { closeCode, headerFields, outcome, reasonNeedsCode } from "../forms.js";

test("a close code is a number of 16 bits, or none", () => {
  assert.deepEqual(["1000", " 0 ", "65535", "", " "].map(closeCode), [1000, 0, 65535, undefined, undefined]);
  for (const bad of ["x", "65536", "-1", "1e3", "1.5"]) assert.throws(() => closeCode(bad), /^Error: The close code is a number from 0 to 65535\.$/);
});

test("a reason needs a code", () => {
  assert.throws(() => reasonNeedsCode(undefined, "bye"), /A close reason needs a close code\./);
  reasonNeedsCode(undefined, "");
  reasonNeedsCode(0, "bye");
});

test("header fields are read a line each, and a line that is none is refused with its number", () => {
  assert.deepEqual(headerFields("Sec-WebSocket-Version: 8\r\n\n-Upgrade\n− Host\nOrigin: http://x:1"), [
    ["Sec-WebSocket-Version", "8"],
    ["Upgrade", null],
    ["Host", null],
    ["Origin", "http://x:1"],
  ]);
  assert.deepEqual(headerFields(""), []);
  assert.throws(() => headerFields("\nUpgrade"), /^Error: Line 2 does not have a colon. Write Name: value, or -Name/);
});

test("an order is done when one of several did it, and names servers, not tokens", () => {
  const clients = [{ endpoint: "reference", token: "raw-reference-3" }, { endpoint: "gorilla", token: "raw-gorilla-3" }];
  const good = { status: "fulfilled", value: {} };
  /** @param {number} status @param {string} message */
  const bad = (status, message) => ({ status: "rejected", reason: Object.assign(new Error(message), { status }) });
  assert.equal(outcome(clients, [good, good]), "");
  assert.equal(outcome(clients, [bad(409, "There is no raw client called x"), good]), "The reference has closed the connection.");
  assert.equal(outcome(clients, [good, bad(400, 'no "raw-gorilla-3".')]), 'Gorilla: no "gorilla".');
  assert.throws(() => outcome(clients, [bad(409, "The bytes could not be written: EOF."), bad(409, "two.")]), /^Error: The reference has closed the connection. Gorilla: two.$/);
});
