// The elements by their tags, for the type checker: h("ws-bits") is a WsBits.
interface HTMLElementTagNameMap {
  "ws-bench": import("./elements/bench.js").WsBench;
  "ws-bits": import("./elements/bits.js").WsBits;
  "ws-builder": import("./elements/builder.js").WsBuilder;
  "ws-connections": import("./elements/connections.js").WsConnections;
  "ws-ends": import("./elements/ends.js").WsEnds;
  "ws-calls": import("./elements/calls.js").WsCalls;
  "ws-field-card": import("./elements/field-card.js").WsFieldCard;
  "ws-findings": import("./elements/findings.js").WsFindings;
  "ws-free": import("./elements/free.js").WsFree;
  "ws-inspector": import("./elements/inspector.js").WsInspector;
  "ws-keys": import("./elements/site.js").WsKeys;
  "ws-lab": import("./elements/lab.js").WsLab;
  "ws-log": import("./elements/log.js").WsLog;
  "ws-matrix": import("./elements/matrix.js").WsMatrix;
  "ws-outcome": import("./elements/outcome.js").WsOutcome;
  "ws-progress": import("./elements/site.js").WsProgress;
  "ws-source": import("./elements/source.js").WsSource;
  "ws-theme": import("./elements/site.js").WsTheme;
  "ws-timeline": import("./elements/timeline.js").WsTimeline;
  "ws-unmask": import("./elements/unmask.js").WsUnmask;
}
