/** Bytes as hex: reading it, writing it, and the character of a byte. */

/** @param {number} n @param {number} [width] digits */
export const hex = (n, width = 2) => n.toString(16).padStart(width, "0");

/** Bytes in the form that the lab server's API accepts: hex without separators. @param {Uint8Array} bytes */
export const hexOf = (bytes) => [...bytes].map((b) => hex(b)).join("");

/** Hex of the recording with a space between its bytes. @param {string} text */
export const spaced = (text) => (text.match(/../g) || []).join(" ");

/**
 * Turns the recording's hex into bytes. Go wrote the hex, so it is well-formed.
 * @param {string} [text]
 */
export function bytes(text = "") {
  const out = new Uint8Array(text.length >> 1);
  for (let i = 0; i < out.length; i++) out[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

/** The separators between bytes; the server's parser accepts the same. */
const separator = /[ \t\r\n,:]/;

/**
 * Reads hex that a person typed: pairs of digits, with white space, commas, colons
 * or 0x between the bytes. An error has its place in the text.
 * @param {string} text
 * @returns {{bytes: Uint8Array<ArrayBuffer>}|{error: string, at: number}}
 */
export function parseHex(text) {
  /** @type {number[]} */
  const out = [];
  let i = 0;
  while (i < text.length) {
    if (separator.test(text[i])) i++;
    else if (/^0x/i.test(text.slice(i, i + 2))) i += 2;
    else {
      const pair = text.slice(i, i + 2);
      if (!/^[0-9a-f]/i.test(pair)) return { error: `“${text[i]}” is not a hex digit`, at: i };
      if (pair.length < 2 || separator.test(pair[1])) return { error: `“${text[i]}” needs a second digit: a byte is two hex digits`, at: i };
      if (!/^[0-9a-f]{2}$/i.test(pair)) return { error: `“${pair[1]}” is not a hex digit`, at: i + 1 };
      out.push(parseInt(pair, 16));
      i += 2;
    }
  }
  return { bytes: Uint8Array.from(out) };
}

/** An error in hex that a person typed, with its place in the text. */
export class HexError extends Error {
  /** @param {string} error @param {number} at */
  constructor(error, at) {
    super(`${error}, at character ${at + 1}.`);
    this.at = at;
  }
}

/** The bytes of hex that a person typed. Throws a HexError. @param {string} text */
export function hexBytes(text) {
  const read = parseHex(text);
  if ("error" in read) throw new HexError(read.error, read.at);
  return read.bytes;
}

/** The bytes of base64, the form that bytes have in JSON. @param {string} text */
export const fromBase64 = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** @param {number} byte */
export const printable = (byte) => (byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : byte === 0x20 ? "␣" : "");
