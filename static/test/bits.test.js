import assert from "node:assert/strict";
import { test } from "node:test";
import { bitName, fieldAt, layout, move, place } from "../bits.js";
import { count } from "../format.js";
import { Tape } from "./events.js";

const frame = (from, text, more) => new Tape().frame(1, from, text, more).frame;

/** Fields that tile a frame as the dissector does, without their words. */
function fields(f) {
  const field = (name, letter, group, bit, bits) => ({ name, letter, group, bit, bits, raw: "", value: "", form: "", meaning: "" });
  const list = [field("FIN", "F", "head", 0, 1), field("RSV1", "1", "head", 1, 1), field("RSV2", "2", "head", 2, 1), field("RSV3", "3", "head", 3, 1), field("opcode", "O", "head", 4, 4), field("MASK", "M", "len", 8, 1), field("length", "L", "len", 9, 7)];
  if (f.header.masked) list.push(field("masking key", "K", "key", 16, 32));
  const rest = 8 * (f.size - f.header.size);
  if (rest) list.push(field("payload", "P", "data", 8 * f.header.size, rest));
  return list;
}

/** A frame of any length, of which Go kept the first bytes and the last. */
function long(size, kept, tail) {
  const f = frame("client", "");
  f.header.form = 64;
  f.header.size = 14;
  f.header.length = String(size - 14);
  f.size = size;
  f.hex = "ab".repeat(Math.min(kept, size));
  const last = Math.max(0, Math.min(tail, size - kept));
  f.gap = Math.max(0, size - kept - last);
  f.tail = "cd".repeat(last);
  f.payload = "";
  return f;
}

test("the bits of RFC 6455 §5.7's masked Hello stand in rows of 32, each with its field", () => {
  const f = frame("client", "Hello");
  const { words, bytes } = layout(f, fields(f));
  assert.equal(bytes, 11);
  assert.deepEqual(words.map((w) => w.bytes.length), [4, 4, 3]);
  const row = words[0].bytes.flatMap((o) => o.bits);
  assert.equal(row.map((b) => b.value).join(""), "10000001" + "10000101" + "00110111" + "11111010");
  assert.equal(row.map((b) => fields(f)[b.field].letter).join(""), "F123OOOO" + "MLLLLLLL" + "K".repeat(16));
  assert.deepEqual(words[1].bytes.map((o) => `${o.hex} ${o.plain}`), ["21 ", "3d ", "7f H", "9f e"]);
});

test("parts that a frame leaves out are ghosts with the reason", () => {
  const absent = layout(frame("server", "Hello"), []).parts.filter((p) => !p.present);
  assert.deepEqual(absent.map((p) => `${p.name}: ${p.why}`), ["extended length: the length 5 fits in 7 bits", "masking key: the MASK bit is 0"]);
  const empty = layout(frame("client", ""), []).parts;
  assert.deepEqual(empty.map((p) => p.present), [true, true, false, true, false]);
});

test("of a header that is not whole no part is shown that did not come", () => {
  const f = frame("client", "Hello");
  const cut = (size) => layout({ ...f, size, hex: f.hex.slice(0, 2 * size), payload: "", cut: true, short: 1 }, []).parts.map((p) => (p.present ? p.name : p.why));
  const gone = "the stream ended before it";
  assert.deepEqual(cut(1), ["FIN RSV opcode", gone, gone, gone, gone]);
  assert.deepEqual(cut(4), ["FIN RSV opcode", "MASK length", "the length 5 fits in 7 bits", "masking key", gone]);
});

test("every byte of a frame is drawn or counted, whatever its size", () => {
  for (const size of [14, 15, 60, 61, 67, 68, 69, 70, 120, 4110, 4111, 4120, 4126, 4127, 4200, 65550, 70001]) {
    for (const grown of [0, 256, 4096, 100000]) {
      const f = long(size, 4110, 16);
      let at = 0;
      for (const w of layout(f, [], grown).words) {
        if (w.kind === "gap") {
          assert.equal(w.from, at);
          assert.ok(w.count > 0 && w.kept >= 0 && w.kept <= w.count, `size ${size} grown ${grown}`);
          at += w.count;
          assert.equal(at % 4 === 0 || at === size, true);
          continue;
        }
        for (const o of w.bytes) assert.equal(o.byte, at++);
      }
      assert.equal(at, size, `size ${size} grown ${grown}`);
    }
  }
});

test("after a gap the bytes are the frame's last", () => {
  const words = layout(long(70001, 4110, 16), []).words;
  const last = words[words.length - 1];
  assert.equal(last.bytes[last.bytes.length - 1].byte, 70000);
  assert.equal(last.bytes[0].hex, "cd");
  assert.equal(words[0].bytes[0].hex, "ab");
});

test("the name of a bit says both numberings, its field and whether it is set", () => {
  const f = frame("client", "Hello");
  const { words } = layout(f, fields(f));
  const bit = words[0].bytes[1].bits[0];
  assert.equal(bitName(bit, fields(f)[bit.field]), "MASK: 1, byte 1, bit 0, 0x80");
  const fin = words[0].bytes[0].bits[3];
  assert.equal(bitName(fin, fields(f)[fin.field]), "RSV3: 0, byte 0, bit 3, 0x10");
});

test("the place of a field is told in both numberings", () => {
  const f = fields(frame("client", "Hello"));
  assert.equal(place(f[5], 8), "byte 1, RFC bit 8, 0x80");
  assert.equal(place(f[4], 5), "byte 0, RFC bits 4–7, 0x0f, this bit 0x04");
  assert.equal(place(f[7], 16), "bytes 2–5, RFC bits 16–47, 4 bytes");
  assert.equal(fieldAt(f, 47), 7);
  assert.equal(fieldAt(f, 9999), -1);
});

test("arrows move by a bit and by a row, and stop at the edges", () => {
  const f = frame("client", "Hello");
  const { words } = layout(f, fields(f));
  assert.equal(move(words, 0, "ArrowLeft"), 0);
  assert.equal(move(words, 0, "ArrowRight"), 1);
  assert.equal(move(words, 5, "ArrowDown"), 37);
  assert.equal(move(words, 5, "ArrowDown", 16), 21);
  assert.equal(move(words, 60, "ArrowDown"), 60);
  assert.equal(move(words, 37, "Home"), 32);
  assert.equal(move(words, 70, "End"), 87);
  assert.equal(move(words, 87, "ArrowRight"), 87);
});

test("an arrow crosses the gap", () => {
  const { words } = layout(long(70001, 4110, 16), []);
  const gap = words.find((w) => w.kind === "gap");
  assert.equal(move(words, 8 * gap.from - 1, "ArrowRight"), 8 * (gap.from + gap.count));
});

test("the bits of a claimed payload are counted exactly", () => {
  const one = frame("server", "x");
  const huge = { ...one, header: { ...one.header, length: "9007199254740993" }, short: "9007199254740992" };
  assert.equal(count(layout(huge, []).parts.at(-1).bits, "bit"), "72,057,594,037,927,944 bits");
});
