import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { cutsOf, decode, encode, encodeAll, hello, nameOf, partsOf, payloadAs, payloadOf } from "../builder.js";
import { bytes, hexOf } from "../hex.js";

/** Random streams, with their frames as Go reads them: reference/dissect/built_test.go writes them. */
const streams = JSON.parse(readFileSync(new URL("built.json", import.meta.url), "utf8"));
const draft = (more) => ({ ...hello(), ...more });
const hex = (more) => hexOf(encode(draft(more)));

test("the builder makes the bytes again from the frames that Go reads in them", () => {
  const seen = { form: new Set(), lies: 0, raw: 0, frames: 0 };
  for (const { hex, frames } of streams) {
    const items = decode(bytes(hex), frames);
    assert.equal(hexOf(encodeAll(items)), hex);
    for (const item of items) {
      if (item instanceof Uint8Array) seen.raw++;
      else {
        seen.frames++;
        seen.form.add(item.form);
        if (item.length) seen.lies++;
        assert.ok(nameOf(item));
        const { notation, text } = payloadAs(item.payload, item.opcode);
        assert.deepEqual(payloadOf(notation, text), item.payload, `as a person writes it: ${notation} ${text}`);
      }
    }
  }
  assert.ok(seen.frames > 80 && seen.lies > 10 && seen.raw > 0 && seen.form.size > 1, JSON.stringify([seen, [...seen.form]]));
});

test("a frame is built field by field", () => {
  assert.equal(hex({}), "818537fa213d7f9f4d5158", "the masked Hello of RFC 6455 §5.7");
  assert.equal(hex({ masked: false }), "810548656c6c6f");
  assert.equal(hex({ fin: false, rsv1: true, rsv2: true, rsv3: true, opcode: 15 }).slice(0, 2), "7f");
  assert.equal(hex({ form: "16", masked: false }), "817e000548656c6c6f");
  assert.equal(hex({ form: "64", masked: false }), "817f000000000000000548656c6c6f");
  assert.equal(hex({ length: "0x10000000000", masked: false, payload: new Uint8Array() }), "817f0000010000000000");
  assert.equal(hex({ length: "200", masked: false, payload: new Uint8Array() }), "817e00c8", "a length that lies takes the form of its value");
  assert.equal(hex({ form: "7", length: "126", masked: false, payload: new Uint8Array() }), "817e", "126 in seven bits, and no length after it");
  assert.equal(hex({ form: "64", length: "18446744073709551615", masked: false, payload: new Uint8Array() }), "817fffffffffffffffff");
});

test("a value that has no room is refused in words", () => {
  assert.throws(() => encode(draft({ form: "7", length: "128" })), /largest value of 7 bits is 127/);
  assert.throws(() => encode(draft({ form: "16", length: "65536" })), /largest value of 16 bits is 65535/);
  assert.throws(() => encode(draft({ length: "18446744073709551616" })), /does not fit/);
  assert.throws(() => encode(draft({ length: "-1" })), /not a whole number/);
  assert.throws(() => encode(draft({ length: "5 bytes" })), /not a whole number/);
  assert.throws(() => encode(draft({ key: "37 fa" })), /2 bytes. Write 4 bytes/);
  assert.throws(() => encode(draft({ key: "zz" })), /not a hex digit/);
  assert.doesNotThrow(() => encode(draft({ key: "zz", masked: false })), "without MASK the key is not sent");
});

test("a payload is written as text, hex, a number of letters, or a close code with its reason", () => {
  const written = (notation, text) => hexOf(payloadOf(notation, text));
  assert.equal(written("text", "é"), "c3a9");
  assert.equal(written("hex", "0x48 65"), "4865");
  assert.equal(written("repeat", "3"), "616161");
  assert.equal(written("close", "1000 bye"), "03e8627965");
  assert.equal(written("close", "1005"), "03ed");
  assert.equal(written("close", "1000  two"), "03e820" + "74776f", "a second space belongs to the reason");
  for (const bad of ["", "bye", "65536", "-1"]) assert.throws(() => payloadOf("close", bad), /close code/);
  for (const bad of ["", "many", "2049", "3 b"]) assert.throws(() => payloadOf("repeat", bad), /number from 0 to 2048/);
});

test("TCP cuts the bytes where a person says", () => {
  const all = Uint8Array.of(1, 2, 3, 4, 5);
  const parts = (text) => partsOf(all, cutsOf(text, all.length)).map(hexOf).join(" ");
  assert.equal(parts(""), "0102030405");
  assert.equal(parts("1, 3"), "01 0203 0405");
  assert.equal(parts("3 1 3"), "01 0203 0405");
  for (const bad of ["0", "5", "-1", "1.5", "x"]) assert.throws(() => cutsOf(bad, 5), /from 1 to 4/);
  assert.throws(() => cutsOf("1", 1), /One byte cannot be cut/);
});
