// The shapes of the recording and of the HTTP API, as package compare/recording and
// labserver/internal/web write them. JSDoc names them as import("./types.js").

export type End = "client"|"server";

export type Violation = {code: string, rfc?: number, section: string, closeCode: number, status: number, sentence: string};
export type GoError = {type: string, text: string};

/** the client of a connection */
export type As = "tab"|"raw"|"scenario"|"outside";
export type Tcp = {what: "open"|"fin"|"rst"|"closed"|"error", endpoint?: string, client?: string, as?: As, round?: number, path?: string, local?: string, remote?: string, error?: GoError, backlog?: {units: number, for: number}};
export type Bytes = {size: number, hex: string};
export type HeaderField = {name: string, value: string, offset: number, size: number, meaning?: string, rfc?: string|string[], rule?: string};
export type Accept = {key: string, guid: string, joined: string, sha1: string, expected: string, got: string, mistake: string};
export type Handshake = {what: "request"|"response", line: string, status?: number, size: number, hex: string, fields?: HeaderField[], key?: string, accept?: Accept, body?: string, violations?: Violation[]};
export type Header = {fin: boolean, rsv1: boolean, rsv2: boolean, rsv3: boolean, opcode: number, name: string, masked: boolean, form: 7|16|64, length: string, key?: string, size: number};
export type Frame = {offset: number, size: number|string, header: Header, hex: string, tail?: string, gap?: number, short?: number|string, missing?: string, cut?: boolean, payload?: string, text?: string, close?: {code: number, name: string, reason: string}, fragment?: {index: number, final: boolean, opcode: string}, violations?: Violation[]};
export type Message = {opcode: string, size: number, text?: string, hex?: string, frames?: number[]};
/**
 * A part of an exchange of plain HTTP. Each byte of the exchange is in the size of one part.
 * exchange: unique in the session. run: of the four ways; 0 for none. fields: of a request or a response.
 * size: bytes on the wire. hex: the first of them. data: bytes of a body without the framing of chunks; text: these bytes, if they are text.
 * from of the event: a body can be from the client too. cut: TCP ended before the part, or the exchange, was complete.
 * total: with end. pieces: bodies of the response.
 */
export type Http = {what: "request"|"response"|"body"|"end", exchange: number, way: "poll"|"long"|"events", run?: number, line?: string, method?: string, status?: number, fields?: HeaderField[], size: number, hex: string, data?: number, text?: string, cut?: boolean, total?: {up: number, down: number, pieces: number}};
/** of: seq of the event that the report is about */
export type Call = {id: number, name: string, verb: "open"|"read"|"write"|"close"|"other", socket?: boolean, phase: "enter"|"return", of?: number, args?: string, result?: string, error?: GoError|null};
export type Script = {client: string, what: string, of?: number, awaits?: boolean, endpoint?: string, round?: number, text?: string, size?: number, code?: number, reason?: string, wasClean?: boolean, readyState?: number};
export type Machine = {message?: string, fragments?: number, bytes?: number, closeSent?: boolean, closeReceived?: boolean};
export type StateChange = {side: End, state: State, was?: string, why?: string, machine?: Machine};
export type State = "CONNECTING"|"OPEN"|"CLOSING"|"CLOSED";
export type Held = {of: number, state: "waiting"|"released"|"dropped"|"unsent"|"unread", left?: number, error?: GoError};
/** bytes that one end wrote but its socket refused, or that arrived but were not read */
export type Piece = {size: number, hex: string, frame?: Frame, handshake?: Handshake, error?: GoError};

/** a play's order to the page */
export type Order = {do: "open"|"send"|"close"|"leave", text?: string, hex?: string, repeat?: number, code?: number, reason?: string};
export type Step = {play: string, branchOf?: string, scenario?: string, title?: string, endpoint: string, client: string, as: "raw"|"browser", round?: number, index: number, of: number, line?: number, command?: string, say?: string, phase: "ready"|"begin"|"end"|"over", error?: string, order?: Order};
export type PlanStep = {index: number, line: number, command: string, say?: string, who: "client"|"server"|"wire"|"note"};
/** a scenario, as the server reads it */
export type Plan = {name: string, title: string, text?: string, steps: PlanStep[], browser: boolean, plain: boolean};

/** one call of a stack; depth is 0 for the outermost call */
export type StackCall = {func: string, package: string, file: string, line: number, depth: number};
/** the calls that led to a read or write of the socket, innermost first. at is the offset of the first byte in the stream of the event's from. A handshake begins at 0 and a frame at frame.offset */
export type Stack = {op: "read"|"write"|"respond"|"panic"|"full", at: number, size: number, status?: number, skipped?: number, calls: StackCall[]};
/** results that an element computes from a run; the page makes these events for predictions */
export type Result = "ways"|"streams"|"chat";

export interface LabEvent {
  seq: number;
  /** microseconds since the session began */
  at: number;
  conn: number;
  from: End;
  /** seq of its cause: a call's enter event, or a report of the client */
  by?: number;
  /** seq of the report of its arrival, if that report was recorded first */
  told?: number;
  kind: "tcp"|"bytes"|"handshake"|"frame"|"message"|"call"|"script"|"state"|"held"|"unsent"|"unread"|"step"|"stack"|"dropped"|"http"|Result;
  tcp?: Tcp;
  bytes?: Bytes;
  handshake?: Handshake;
  http?: Http;
  frame?: Frame;
  message?: Message;
  call?: Call;
  script?: Script;
  state?: StateChange;
  held?: Held;
  unsent?: Piece;
  unread?: Piece;
  step?: Step;
  stack?: Stack;
  ways?: Record<string, unknown>;
  streams?: Record<string, unknown>;
  chat?: Record<string, unknown>;
  /** here: the page made this event to replace events that it no longer keeps */
  dropped?: {count: number, here?: boolean};
}

export type Group = "head"|"len"|"key"|"data"|"code";
export type Field = {name: string, letter: string, group: Group, bit: number, bits: number, raw: string, value: string, form: string, meaning: string, rfc?: string[], rule?: string, violations?: Violation[], site?: string};
export type Detail = {event: LabEvent, fields: Field[]};
export type Token = [string, string];
export type Listing = {package: string, file: string, symbol: string, version?: string, first: number, hot: number[], numbers: number[], lines: Token[][], link?: string};
export type Source = {site: string, reference: Listing|null, gorilla: Listing|null};
export type LiveConnection = {session: string, conn: number, endpoint: string, client: string, remote: string, outside: boolean, open: boolean, since: number, frames: number};
/** stack: call stacks of new connections are recorded. sip: limit of a read of new connections in bytes, 0 for none */
export type SessionState = {session: string, now: number, holding: boolean, outside: boolean, stack: boolean, sip: number};

/** the game with the faults of the naive server: closed cards by area, and inputs that the page offers */
export type Bugs = {areas: {name: string, cards: {number: number, hints: [string, string]}[]}[], attacks: {name: string, scenario: string}[]};
/** a fault whose effect is in the session; events: seqs of the evidence */
export type FoundBug = {number: number, conn: number, events: number[], said: string};
/** an open card; rule is empty if there is none, mistake is what the judge names */
export type BugCard = {number: number, name: string, area: string, what: string, rule: string, section: string, listing: Listing, mend: {op: " "|"-"|"+", text: string}[], mistake: {code: string, says: string}|null, comes: string};

export type Mode = "reference"|"gorilla"|"naive"|"both"|"all"|"plays";
/** shows: the event that the text beside the button is about, if it is not the first frame that the action causes */
export type Action = {do: string, text?: string, hex?: string, repeat?: number, code?: number, reason?: string, broken?: string, name?: string, parts?: string[], endpoint?: string, fields?: [string, string|null][], shows?: Record<string, unknown>};
