/**
 * Chooses the frame that a lesson unmasks step by step.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./rows.js").Rows} Rows
 */

/** Whether a row is a masked message of this page. @param {Row|undefined} row */
function fits(row) {
  const frame = row?.event.frame;
  return !!frame && row.conn.scripted && frame.header.masked && !!frame.payload && frame.header.opcode < 8;
}

/**
 * The selected frame, if this page sent it. Otherwise the newest frame that the
 * page sent on the selected connection. For a connection of another client, the
 * frame shown stays.
 * @param {Rows} rows
 * @param {number} selected seq of an event
 * @param {number} cursor
 * @param {Row|null} shown
 * @returns {Row|null}
 */
export function toUnmask(rows, selected, cursor, shown) {
  const looked = rows.bySeq.get(selected);
  if (looked && looked.seq <= cursor && fits(looked)) return looked;
  const conn = looked?.conn.scripted ? looked.conn : null;
  if (!conn && shown && shown.seq <= cursor && rows.list[shown.index] === shown) return shown;
  let newest = null;
  for (let i = rows.list.length - 1; i >= 0; i--) {
    const row = rows.list[i];
    if (row.seq > cursor || !fits(row)) continue;
    if (!conn || row.conn === conn) return row;
    newest ||= row;
  }
  return newest;
}
