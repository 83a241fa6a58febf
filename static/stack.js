/**
 * The call stacks at the wire: which Go calls asked for each byte that was read, or
 * wrote each byte that was sent. A unit is a handshake or a frame. One Read or Write
 * may carry a byte, a whole unit, or bytes of two.
 *
 * @typedef {import("./types.js").LabEvent} LabEvent
 * @typedef {import("./types.js").StackCall} Call
 * @typedef {{event: LabEvent, op: string, calls: Call[], first: number, last: number, whole: number}} Piece
 * the bytes of a unit that one Read or Write carried, counted from the unit's first byte; whole: all its bytes
 */

/** @type {Record<string, string>} the package of each implementation */
const libraries = { reference: "wslab/reference", gorilla: "github.com/gorilla/websocket", naive: "wslab/reference/naive" };

/** The number of bytes of a unit. @param {LabEvent|undefined} e */
export function sizeOf(e) {
  if (!e?.frame) return e?.handshake?.size || 0;
  return e.frame.cut ? e.frame.hex.length / 2 : Number(e.frame.size);
}

/**
 * The Reads or Writes that carried a unit, in order. net/http sends a refusal after
 * the handler has returned, so a refusal has the calls that gave it to net/http. A
 * call that panicked has the calls at the panic.
 * @param {LabEvent[]} stacks of its connection
 * @param {LabEvent|undefined} e
 * @returns {Piece[]}
 */
export function pieces(stacks, e) {
  if (e?.call?.error) {
    const panic = stacks.find((s) => s.stack?.op === "panic" && s.seq < e.seq);
    if (panic?.stack) return [{ event: panic, op: "panic", calls: panic.stack.calls, first: 0, last: 0, whole: 0 }];
  }
  const size = sizeOf(e);
  if (!e || !size) return [];
  const begins = e.frame ? e.frame.offset : 0; // a stream begins with the handshake
  /** @type {Piece[]} */
  const found = [];
  const refusal = e.handshake?.what === "response" && stacks.find((s) => s.stack?.op === "respond" && s.stack.status === e.handshake?.status);
  if (refusal && refusal.stack) return [{ event: refusal, op: "respond", calls: refusal.stack.calls, first: 0, last: size - 1, whole: size }];
  for (const event of stacks) {
    const { stack } = event;
    if (!stack || event.from !== e.from || !stack.size) continue;
    const first = Math.max(0, stack.at - begins);
    const last = Math.min(size, stack.at + stack.size - begins) - 1;
    if (first <= last) found.push({ event, op: stack.op, calls: stack.calls, first, last, whole: stack.size });
  }
  return found;
}

/** The piece with a byte of its unit. @param {Piece[]} list @param {number} byte */
export const pieceAt = (list, byte) => list.find((p) => byte >= p.first && byte <= p.last);

/** Whether a call is the implementation's own. @param {Call} call @param {string} endpoint */
export const isOwn = (call, endpoint) => {
  const library = libraries[endpoint];
  return !!library && (call.package === library || call.package.startsWith(`${library}/`));
};

/**
 * The calls of the implementation, innermost first: "(*Conn).read < (*Conn).advanceFrame".
 * @param {Call[]} calls
 * @param {string} endpoint
 */
export const trace = (calls, endpoint) => calls.filter((c) => isOwn(c, endpoint)).map((c) => c.func).join(" < ");
