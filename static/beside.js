/**
 * Lays the rows of two sides beside each other in pairs.
 *
 * @typedef {import("./rows.js").Row} Row
 * @typedef {import("./align.js").Pair} Pair
 * @typedef {import("./align.js").Placed} Placed
 */

/**
 * Pairs rows. Rows with the same key make a pair. There are as many pairs as
 * possible while each side keeps its order. Frames that both servers received are
 * paired first. Between two such pairs, the reactions of one server are beside
 * those of the other.
 * @param {Placed[]} rows
 * @param {(row: Row) => boolean} alone whether a row is a reaction that may be beside a row of another kind
 * @returns {Pair[]}
 */
export function beside(rows, alone) {
  const left = rows.filter((r) => r.side === "left");
  const right = rows.filter((r) => r.side === "right");
  const at = new Map(right.map((r, i) => [r.key, i]));
  const ends = { l: left.length, r: right.length };
  /** @type {Pair[]} */
  const pairs = [];
  /** @param {Row|null} l @param {Row|null} r */
  const add = (l, r) => pairs.push({ index: 0, seq: Math.min(l ? l.seq : Infinity, r ? r.seq : Infinity), left: l, right: r, part: false, differs: false });
  let l = 0;
  let r = 0;
  for (const stop of [...run(left, at, 0, ends, sent), ends]) {
    for (const next of [...run(left, at, r, stop, (p) => !sent(p), l), stop]) {
      while (l < next.l || r < next.r) {
        const mine = l < next.l ? left[l].row : null;
        const theirs = r < next.r ? right[r].row : null;
        if (mine && theirs && alone(mine) && alone(theirs) && left[l].place === right[r].place) {
          add(mine, theirs);
          l++;
          r++;
        } else if (mine && (!theirs || !alone(mine) || (alone(theirs) && mine.seq < theirs.seq))) {
          add(mine, null);
          l++;
        } else {
          add(null, theirs);
          r++;
        }
      }
      if (next !== stop) add(left[l++].row, right[r++].row);
    }
    if (stop !== ends) add(left[l++].row, right[r++].row);
  }
  return pairs;
}

/** Whether a row is a frame or handshake for the server to react to, or a step of a play. @param {Placed} p */
const sent = ({ row: { event: e } }) => !!e.step || (e.from === "client" && !!(e.frame || e.handshake));

/**
 * The longest sequence of pairs with the same key that fit and are in order on both
 * sides.
 * @param {Placed[]} left
 * @param {Map<string, number>} at places on the right, by key
 * @param {number} from first place on the right
 * @param {{l: number, r: number}} to
 * @param {(p: Placed) => boolean} fits
 * @param {number} [start] first place on the left
 * @returns {{l: number, r: number}[]}
 */
function run(left, at, from, to, fits, start = 0) {
  /** @type {{l: number, r: number, before: any}[]} the last pair of the best sequence of each length */
  const best = [];
  for (let l = start; l < to.l; l++) {
    const r = at.get(left[l].key);
    if (r === undefined || r < from || r >= to.r || !fits(left[l])) continue;
    let n = best.length;
    while (n > 0 && best[n - 1].r >= r) n--;
    best[n] = { l, r, before: best[n - 1] || null };
  }
  const out = [];
  for (let end = best[best.length - 1]; end; end = end.before) out.push(end);
  return out.reverse();
}
