/**
 * A frame as a picture: rows of 32 bits as in RFC 6455 §5.2, each bit with its
 * field. Parts that the frame does not have are listed as absent, so that every
 * frame has the same shape. A long payload shows its first and last bytes, with a
 * counted gap.
 *
 * @typedef {import("./types.js").Frame} Frame
 * @typedef {import("./types.js").Field} Field
 *
 * @typedef {{bit: number, byte: number, value: 0|1, mask: number, field: number}} Bit
 * @typedef {{byte: number, hex: string, plain: string, bits: Bit[]}} Byte
 * @typedef {{kind: "bits", bytes: Byte[]}|{kind: "gap", from: number, count: number, kept: number}} Word
 * @typedef {{name: string, group: string, bits: number|string, bit: number, present: boolean, why: string}} Part
 */

import { count } from "./format.js";
import { hex, bytes, printable } from "./hex.js";

/** Bytes shown before the gap, after it, and added by each request for more. */
const head = 48;
const tail = 12;
export const more = 64;

/**
 * @param {Frame} frame
 * @param {Field[]} fields
 * @param {number} [grown] bytes asked for beyond the usual
 * @returns {{bytes: number, bits: number, parts: Part[], words: Word[]}}
 */
export function layout(frame, fields, grown = 0) {
  const { tail: end = "" } = frame;
  const first = bytes(frame.gap ? frame.hex : frame.hex + end);
  const last = bytes(frame.gap ? end : "");
  const total = first.length + (frame.gap || 0) + last.length;
  const whole = first.length === total;
  let shown = Math.min(first.length, head + grown);
  let resume = Math.max(total - tail, total - (whole ? total : last.length));
  resume = Math.min(total, resume + (-resume & 3)); // rows after the gap begin where the RFC's rows do
  // A gap smaller than its own label is not worth one.
  if (whole && resume - shown <= 8) shown = resume = total;

  const payload = bytes(frame.payload);
  /** @type {Word[]} */
  const words = [];
  let field = 0;
  /** @param {number} from @param {number} to */
  const add = (from, to) => {
    for (let o = from; o < to; o += 4) {
      /** @type {Byte[]} */
      const row = [];
      for (let i = o; i < Math.min(o + 4, to); i++) {
        const value = i < first.length ? first[i] : last[i - (total - last.length)];
        const bits = [];
        for (let k = 0; k < 8; k++) {
          const bit = 8 * i + k;
          while (field + 1 < fields.length && fields[field + 1].bit <= bit) field++;
          bits.push({ bit, byte: i, value: /** @type {0|1} */ ((value >> (7 - k)) & 1), mask: 0x80 >> k, field });
        }
        row.push({ byte: i, hex: hex(value), plain: plain(frame, payload, i, value), bits });
      }
      words.push({ kind: "bits", bytes: row });
    }
  };
  add(0, shown);
  if (resume > shown) {
    words.push({ kind: "gap", from: shown, count: resume - shown, kept: Math.min(first.length, resume) - shown });
    add(resume, total);
  }
  return { bytes: total, bits: 8 * total, parts: parts(frame), words };
}

/**
 * The character of a payload byte after unmasking, "" for other bytes.
 * @param {Frame} frame
 * @param {Uint8Array} payload
 * @param {number} i
 * @param {number} wire
 */
function plain(frame, payload, i, wire) {
  const at = i - frame.header.size;
  const isKey = at < 0;
  if (isKey) return "";
  // Unmask here the bytes that payload does not have.
  const key = bytes(frame.header.key);
  const value = at < payload.length ? payload[at] : frame.header.masked ? wire ^ key[at % 4] : wire;
  if (frame.close && at < 2) return frame.header.masked ? hex(value) : "";
  return printable(value) || (frame.header.masked ? hex(value) : "");
}

/** @param {Frame} frame @returns {Part[]} */
function parts(frame) {
  const h = frame.header;
  const extended = h.form === 7 ? 0 : h.form;
  const fits = `the length ${h.length} fits in 7 bits`;
  const key = 16 + extended;
  const all = [
    { name: "FIN RSV opcode", group: "head", bits: 8, bit: 0, present: true, why: "" },
    { name: "MASK length", group: "len", bits: 8, bit: 8, present: true, why: "" },
    { name: "extended length", group: "len", bits: extended, bit: 16, present: extended > 0, why: fits },
    { name: "masking key", group: "key", bits: 32, bit: key, present: h.masked, why: "the MASK bit is 0" },
    {
      name: "payload",
      group: h.opcode === 8 ? "code" : "data",
      bits: String(BigInt(h.length) * 8n),
      bit: h.size * 8,
      present: h.length !== "0",
      why: "the length is 0",
    },
  ];
  if (!frame.cut) return all;
  const came = 4 * frame.hex.length;
  return all.map((p) => ({ ...p, present: p.present && p.bit < came && p.name !== "payload", why: p.present || came < 16 ? "the stream ended before it" : p.why }));
}

/**
 * The name of a bit for a screen reader.
 * @param {Bit} b
 * @param {Field|undefined} field
 */
export function bitName(b, field) {
  return `${field ? field.name : "bit"}: ${b.value}, byte ${b.byte}, bit ${b.bit % 8}, ${maskText(b.mask)}`;
}

/** @param {number} mask */
export const maskText = (mask) => `0x${hex(mask)}`;

/**
 * The place of a field, in bytes and in the bit numbers of the RFC.
 * @param {Field} f
 * @param {number} bit the selected bit
 */
export function place(f, bit) {
  const byte = f.bit >> 3;
  const end = (f.bit + f.bits - 1) >> 3;
  if (f.bits > 8 || end > byte) {
    return `${byte === end ? `byte ${byte}` : `bytes ${byte}–${end}`}, RFC bits ${f.bit}–${f.bit + f.bits - 1}, ${count(Math.ceil(f.bits / 8), "byte")}`;
  }
  const mask = ((1 << f.bits) - 1) << (8 - f.bits - (f.bit % 8));
  const bits = f.bits === 1 ? `RFC bit ${f.bit}` : `RFC bits ${f.bit}–${f.bit + f.bits - 1}`;
  const own = f.bits > 1 && bit >= f.bit && bit < f.bit + f.bits ? `, this bit ${maskText(0x80 >> bit % 8)}` : "";
  return `byte ${byte}, ${bits}, ${maskText(mask)}${own}`;
}

/**
 * The index of the field that holds a bit, -1 for none.
 * @param {Field[]} fields
 * @param {number} bit
 */
export const fieldAt = (fields, bit) => fields.findIndex((f) => bit >= f.bit && bit < f.bit + f.bits);

/**
 * The bit that an arrow key leads to.
 * @param {Word[]} words
 * @param {number} bit
 * @param {string} key
 * @param {number} [width] bits in a row of the picture as it is drawn
 */
export function move(words, bit, key, width = 32) {
  const all = words.flatMap((w) => (w.kind === "bits" ? w.bytes.flatMap((o) => o.bits.map((b) => b.bit)) : []));
  const i = all.indexOf(bit);
  if (i < 0) return all[0] ?? 0;
  const start = i - (i % width);
  /** @type {Record<string, number>} */
  const to = {
    ArrowLeft: i - 1,
    ArrowRight: i + 1,
    ArrowUp: i - width,
    ArrowDown: i + width,
    Home: start,
    End: Math.min(start + width, all.length) - 1,
  };
  const next = to[key];
  return next === undefined || next < 0 || next >= all.length ? bit : all[next];
}
