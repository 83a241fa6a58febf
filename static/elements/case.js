/**
 * One case on the bench: its requirement, the bytes sent, the result of each
 * endpoint, their first difference, and the recording.
 *
 * @typedef {import("../compare.js").CaseInfo} CaseInfo
 * @typedef {import("../compare.js").Report} Report
 * @typedef {import("../compare.js").Aligned} Aligned
 */

import { bench, button, copy, h, hit, rfcLink, table } from "./dom.js";
import { words as why } from "../api.js";
import { arrow, count } from "../format.js";
import { because, caret, excerpt, glyphs, meanings, scriptText, words, worst } from "../compare.js";

/** @param {CaseInfo} info */
const sectionLink = (info) => (info.browser ? h("a", { href: "https://websockets.spec.whatwg.org/" }, info.binds || "") : rfcLink(info.section, info.rfc));

/** @type {AbortController|undefined} cancels the requests of the open case */
let leaving;

/**
 * Opens a case on the bench.
 * @param {Pick<import("../lab.js").Lab, "session" | "inspector">} lab
 * @param {CaseInfo} info
 * @param {string[]} endpoints in the order of their columns
 * @param {{play: () => Promise<{session: string, reports: Report[], texts: string[], crossed: string[], aligned: Aligned}>, again: () => unknown, next: (by: number) => unknown}} does
 */
export async function openCase({ session: recording, inspector }, info, endpoints, does) {
  const pressed = document.activeElement?.closest(".case .tools button")?.classList[0];
  leaving?.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const results = h("div", { class: "results" }, h("p", { class: "soft", role: "status" }, `Running it again at ${endpoints.join(", ")}…`));
  const aligned = h("div", { class: "aligned" });
  const tools = h("span", { class: "buttons tools" }, button("◀", { class: "prev", "aria-label": "Previous case" }), button("▶", { class: "next", "aria-label": "Next case" }), button("Run again", { class: "again" }), button("Copy link to case", { class: "link quiet" }));
  const about = h(
    "article",
    { class: "case", "aria-label": `Case ${info.id}` },
    h("h2", { tabindex: -1 }, h("code", {}, info.id), " ", info.title),
    h("p", {}, h("b", { class: "keyword" }, info.keyword), " ", info.requirement, " ", sectionLink(info)),
    info.must ? h("p", { class: "soft" }, `Only an endpoint that breaks this MUST fails: ${info.must} (${info.binds}.)`) : "",
    info.rules.length ? h("p", { class: "soft" }, info.rules.length === 1 ? "It tests the rule " : "It tests the rules ", ...info.rules.flatMap((r, i) => [i ? ", " : "", h("a", { href: `/rules#${r}` }, r)])) : "",
    tools,
    h(
      "div",
      { class: "asked" },
      h("div", {}, h("h3", {}, info.judges === "server" ? "The judge, as a client, sends" : "The judge, as a server, sends"), info.sends.length ? h("ol", {}, ...info.sends.map((s) => h("li", {}, s))) : h("p", {}, "only its half of the opening handshake"), info.opening ? h("pre", { class: "bytes", tabindex: 0, "aria-label": "The judge's half of the opening handshake" }, info.opening) : ""),
      h("div", {}, h("h3", {}, "Allowed results"), h("ul", {}, ...info.legal.map((s) => h("li", {}, s)))),
    ),
    results,
    aligned,
  );
  about.addEventListener("click", (e) => {
    const on = hit(e, "button");
    if (on?.classList.contains("again")) does.again();
    else if (on?.classList.contains("prev")) does.next(-1);
    else if (on?.classList.contains("next")) does.next(1);
    else if (on?.classList.contains("link")) copy(on, location.href);
    else if (on?.classList.contains("report")) copy(on, letters.get(on) || "");
    else if (on?.dataset.seq) inspector.select(Number(on.dataset.seq), on.dataset.bit === undefined ? undefined : Number(on.dataset.bit));
  });
  bench()?.show("");
  bench()?.tell(about);
  // The focus stays on the same button, so that the reader can go from case to case.
  if (pressed) /** @type {HTMLElement|null} */ (tools.querySelector(`.${pressed}`))?.focus({ preventScroll: true });
  let played;
  try {
    played = await does.play();
  } catch (e) {
    if (!signal.aborted) results.replaceChildren(h("p", { class: "failed", role: "alert" }, "× ", why(e)));
    return;
  }
  if (signal.aborted) return; // the reader has opened another case
  const { session, reports, texts, crossed, aligned: found } = played;
  results.replaceChildren(parting(found), ...reports.map((r, i) => result(r, texts[i], crossed[i])));
  aligned.replaceChildren(...picture(found));
  bench()?.show(session, true);
  const judge = info.judges === "server" ? "client" : "server";
  // The reader first sees the first difference, or the first fail.
  const at = landing(found, reports, judge);
  let chosen = false;
  recording.observe(() => {
    if (!at || chosen || recording.id !== session || inspector.selection.chosen || !recording.rows.list.some((row) => row.event.seq === at)) return;
    chosen = true;
    inspector.select(at);
  }, signal);
}

/**
 * The seq of the row to select first: a row at the first difference, if possible of
 * a failed endpoint; otherwise the first row that the judge sent; 0 for none.
 * @param {Aligned} found
 * @param {Report[]} reports
 * @param {"client"|"server"} judge
 */
function landing(found, reports, judge) {
  const wrong = reports.findIndex((r) => worst(r) === "fail");
  const step = found.steps[found.first];
  const cell = step?.cells[Math.max(0, wrong)] || step?.cells.find((c) => c) || found.steps.find((s) => s.from === judge && /message|close|ping|pong/.test(s.kind))?.cells.find((c) => c) || found.steps[0]?.cells.find((c) => c);
  return cell?.seq || 0;
}

/** @type {WeakMap<Element, string>} the text that a button copies */
const letters = new WeakMap();

/** A verdict as its sign, its word and its meaning. @param {import("../compare.js").Verdict} v */
const verdictText = (v) => `${glyphs[v]} ${words[v]}${meanings[v] ? `, ${meanings[v]}` : ""}`;

/**
 * The result of one endpoint.
 * @param {Report} r
 * @param {string} text the report to copy
 * @param {string} crossed everything that was sent, in order, in both directions
 */
function result(r, text, crossed) {
  const report = button("Copy report", { class: "report quiet", "aria-label": `Copy report of ${r.endpoint}` });
  letters.set(report, text);
  const shown = caret(r);
  const bad = worst(r) === "fail" || worst(r) === "warning";
  return h(
    "section",
    { class: `result ${worst(r)}`, "aria-label": r.endpoint },
    h("h3", {}, r.endpoint, " ", h("span", { class: `v ${r.verdict}` }, verdictText(r.verdict)), h("span", { class: "soft" }, " · closing: "), h("span", { class: `v ${r.closing}` }, verdictText(r.closing)), h("span", { class: "soft took" }, ` ${r.took < 10 ? r.took.toFixed(1) : Math.round(r.took)} ms`)),
    r.mistake ? h("p", { class: "mistake" }, h("b", {}, "The mistake: "), r.says ?? r.mistake) : "",
    because(r) ? h("p", {}, because(r)) : "",
    r.script?.length ? h("dl", {}, h("dt", {}, "JavaScript received"), h("dd", {}, r.script.map(scriptText).join("; "))) : "",
    bad ? h("dl", {}, h("dt", {}, "expected"), h("dd", {}, r.expected), h("dt", {}, "got"), h("dd", {}, r.got || "no answer")) : "",
    bad && shown ? h("figure", {}, h("pre", { class: "bytes", tabindex: 0 }, shown.text), shown.words ? h("figcaption", {}, shown.words) : "") : "",
    bad && r.rule ? h("p", { class: "soft" }, "It breaks the rule ", h("a", { href: `/rules#${r.rule}` }, r.rule)) : "",
    crossed ? h("details", { class: "crossed", open: bad ? "" : null }, h("summary", {}, "All that was sent, in order"), h("pre", { class: "bytes", tabindex: 0, "aria-label": `All that was sent to and by ${r.endpoint}` }, crossed)) : "",
    h("p", { class: "buttons" }, report),
  );
}

/** The first difference of the endpoints, and its verdict. @param {Aligned} found */
function parting(found) {
  if (found.endpoints.length < 2 || (!found.steps.length && !found.partial)) return "";
  const first = found.steps[found.first];
  if (!first && found.amounts === "pass") return h("p", { class: "parted same" }, "✔ All did the same.");
  // If one endpoint did not react, the first line says so. The other differences follow from that.
  const told = first?.cells.includes(null) ? first.differs.slice(0, 1) : first?.differs;
  return h("p", { class: "parted" }, h("b", { class: `v ${found.amounts}` }, `≠ First difference: ${found.words}. `), told ? `${told.join("; ")}.` : "Too many bytes were sent to show them side by side.");
}

/**
 * The endpoints side by side, with the first difference marked.
 * @param {Aligned} found
 */
function picture(found) {
  if (found.endpoints.length < 2 || !found.steps.length) return [];
  /** @param {import("../compare.js").Step} s @param {number} i */
  const line = (s, i) =>
    h(
      "tr",
      { class: [s.differs.length ? "differs" : "", i === found.first ? `first ${found.amounts}` : ""].join(" ").trim() || null },
      ...s.cells.map((cell) => h("td", {}, cell ? button(`${arrow(s.from)} ${cell.text}`, { "data-seq": cell.seq, class: "step" }) : h("span", { class: "soft" }, "—"))),
    );
  let shown = 0;
  const body = excerpt(found.steps.length, found.first).flatMap(([from, to]) => {
    const left = from - shown;
    shown = to;
    return [...(left ? [ h("tr", {}, h("td", { colspan: found.endpoints.length, class: "soft" }, `… ${count(left, "line")} between`))] : []), ...found.steps.slice(from, to).map((s, i) => line(s, from + i))];
  });
  return [h("h3", {}, "Side by side"), h("div", { class: "wide" }, table(found.endpoints, body))];
}
