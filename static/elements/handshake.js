/**
 * How HTTP is drawn: the header fields of an opening handshake with the steps of the
 * accept value, and the parts of an exchange of plain HTTP. The inspector loads this
 * module when it needs it.
 */

import { h, rfcLink, table, violations } from "./dom.js";
import { count, grouped, refused } from "../format.js";
import { spaced } from "../hex.js";

/** The rules that judge each header field; other fields have no rule. @type {Record<string, RegExp>} */
const judged = {
  host: /host/,
  upgrade: /upgrade/,
  connection: /connection/,
  "sec-websocket-key": /key/,
  "sec-websocket-version": /version/,
  "sec-websocket-accept": /accept/,
  "sec-websocket-protocol": /subprotocol/,
  "sec-websocket-extensions": /extension/,
};

/** The header fields of a handshake: the purpose and the result of each. @param {import("../types.js").Handshake} s */
export function handshakeTable(s) {
  // If the response does not open a connection, no field has a rule.
  const opens = s.what === "request" || s.status === 101;
  const rows = (s.fields || []).map((f) => {
    const rule = judged[f.name.toLowerCase()];
    const broken = rule && (s.violations || []).some((v) => rule.test(v.code));
    const verdict = broken ? "× fail" : rule && opens ? "✔ pass" : "i note";
    const sections = f.rfc === undefined || f.rfc === "" ? [] : [f.rfc].flat();
    return h("tr", { class: broken ? "bad" : null }, h("th", { scope: "row", class: "mono" }, f.name), h("td", { class: "mono value" }, f.value), h("td", {}, f.meaning || "", " ", ...sections.map((section) => rfcLink(section))), h("td", {}, verdict));
  });
  const names = ["header field", "value", "purpose", "result"];
  const { accept: a } = s;
  return [
    h("p", { class: "mono startline" }, s.line),
    refused(s) ? h("p", { class: "soft" }, "note: refused. This is a plain HTTP response, so the rules of the opening handshake do not apply to it.") : "",
    violations(s.violations),
    h("div", { class: "wide" }, table(names, rows)),
    s.body ? h("div", { class: "card" }, h("h3", {}, "Body of the response"), h("pre", { tabindex: 0 }, s.body)) : "",
    a
      ? h("div", { class: "card" }, h("h3", {}, "How Sec-WebSocket-Accept is computed"), h("dl", {}, ...[["handshake key", a.key, "f-key"], ["+ GUID", a.guid, "f-len"], ["SHA-1", a.sha1, "f-head"], ["base64", a.expected, "f-data"], ["answered", a.got || "no value", a.got === a.expected ? "f-data" : "f-code"]].flatMap(([t, d, c]) => [h("dt", {}, t), h("dd", {}, h("code", { class: c }, d), t === "answered" ? (a.got === a.expected ? " ✔ pass: the same" : " × fail: not the same") : "")])), a.mistake ? h("p", {}, "note: ", a.mistake) : "")
      : "",
  ];
}

/** A part of an exchange: its header fields or its body, with the bytes of each. @param {import("../types.js").Http} x */
export function httpTable(x) {
  if (x.what === "end") {
    const { up, down, pieces } = x.total || { up: 0, down: 0, pieces: 0 };
    return [h("p", {}, `${x.cut ? "TCP ended before the exchange was complete. " : ""}The exchange has ${count(up, "byte")} from the client and ${count(down, "byte")} from the server. The response has ${count(pieces, "body piece")}.`)];
  }
  if (x.what === "body") {
    const framing = x.data === undefined ? 0 : x.size - x.data;
    return [
      h("p", {}, `${count(x.size, "byte")} of the body${framing > 0 ? `. Of these, ${count(framing, "byte")} ${framing === 1 ? "is" : "are"} the framing of the chunk: its size in hexadecimal, and two line ends` : ""}.`),
      h("pre", { tabindex: 0 }, x.text ?? spaced(x.hex)),
    ];
  }
  const fields = x.fields || [];
  const sizes = fields.map((f) => f.size);
  const rest = x.size - sizes.reduce((a, b) => a + b, 0);
  const rows = fields.map((f, i) => h("tr", {}, h("th", { scope: "row", class: "mono" }, f.name), h("td", { class: "mono value" }, f.value), h("td", {}, f.meaning || ""), h("td", { class: "mono" }, grouped(sizes[i]))));
  return [
    h("p", { class: "mono startline" }, x.line || ""),
    h("p", {}, `This ${x.what} of plain HTTP has ${count(x.size, "byte")} before its body: ${count(rest, "byte")} in the first line and the empty line, and the rest in ${count(rows.length, "header field")}.`),
    h("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Header fields of the ${x.what}` }, table(["header field", "value", "purpose", "bytes"], rows)),
  ];
}
