/**
 * The shapes of the recording and of the HTTP API, as package
 * compare/recording and labserver/internal/web write them. Types only: no
 * browser ever loads this file.
 *
 * @typedef {"client"|"server"} End
 *
 * @typedef {{code: string, rfc?: number, section: string, closeCode: number, status: number, sentence: string}} Violation
 * @typedef {{type: string, text: string}} GoError
 *
 * @typedef {"tab"|"raw"|"scenario"|"outside"} As who the client of a connection is
 * @typedef {{what: "open"|"fin"|"rst"|"closed"|"error", endpoint?: string, client?: string, as?: As, round?: number, path?: string,
 *   local?: string, remote?: string, error?: GoError, backlog?: {units: number, for: number}}} Tcp
 * @typedef {{size: number, hex: string}} Bytes
 * @typedef {{name: string, value: string, offset: number, size: number, meaning?: string, rfc?: string|string[],
 *   rule?: string}} HeaderField
 * @typedef {{key: string, guid: string, joined: string, sha1: string, expected: string, got: string,
 *   mistake: string}} Accept
 * @typedef {{what: "request"|"response", line: string, status?: number, size: number, hex: string,
 *   fields?: HeaderField[], key?: string, accept?: Accept, body?: string, violations?: Violation[]}} Handshake
 * @typedef {{fin: boolean, rsv1: boolean, rsv2: boolean, rsv3: boolean, opcode: number, name: string,
 *   masked: boolean, form: 7|16|64, length: string, key?: string, size: number}} Header
 * @typedef {{offset: number, size: number|string, header: Header, hex: string, tail?: string, gap?: number, short?: number|string,
 *   missing?: string, cut?: boolean, payload?: string, text?: string, close?: {code: number, name: string, reason: string},
 *   fragment?: {index: number, final: boolean, opcode: string}, violations?: Violation[]}} Frame
 * @typedef {{opcode: string, size: number, text?: string, hex?: string, frames?: number[]}} Message
 * @typedef {{id: number, name: string, verb: "open"|"read"|"write"|"close"|"other", socket?: boolean, phase: "enter"|"return", of?: number,
 *   args?: string, result?: string, error?: GoError|null}} Call of: seq of the event that it is about
 * @typedef {{client: string, what: string, of?: number, awaits?: boolean, endpoint?: string, round?: number, text?: string, size?: number, code?: number, reason?: string,
 *   wasClean?: boolean, readyState?: number}} Script
 * @typedef {{message?: string, fragments?: number, bytes?: number, closeSent?: boolean,
 *   closeReceived?: boolean}} Machine
 * @typedef {{side: End, state: State, was?: string, why?: string, machine?: Machine}} StateChange
 * @typedef {"CONNECTING"|"OPEN"|"CLOSING"|"CLOSED"} State
 * @typedef {{of: number, state: "waiting"|"released"|"dropped"|"unsent"|"unread", left?: number,
 *   error?: GoError}} Held
 * @typedef {{size: number, hex: string, frame?: Frame, handshake?: Handshake,
 *   error?: GoError}} Piece what one end wrote and its socket refused, or what arrived and was not read
 *
 * @typedef {{do: "open"|"send"|"close"|"leave", text?: string, hex?: string, repeat?: number, code?: number,
 *   reason?: string}} Order what the page shall do in a play
 * @typedef {{play: string, branchOf?: string, scenario?: string, title?: string, endpoint: string, client: string,
 *   as: "raw"|"browser", round?: number, index: number, of: number, line?: number, command?: string, say?: string,
 *   phase: "ready"|"begin"|"end"|"over", error?: string, order?: Order}} Step
 * @typedef {{index: number, line: number, command: string, say?: string, who: "client"|"server"|"wire"|"note"}} PlanStep
 * @typedef {{name: string, title: string, text?: string, steps: PlanStep[], browser: boolean,
 *   plain: boolean}} Plan a scenario, as the server reads it
 *
 * @typedef {object} LabEvent
 * @property {number} seq
 * @property {number} at      microseconds since the session began
 * @property {number} conn
 * @property {End} from
 * @property {number} [by]    seq of what it happened because of: a call's enter event, or a report of the client's
 * @property {number} [told]  seq of the report that it has arrived, where that came before it
 * @property {"tcp"|"bytes"|"handshake"|"frame"|"message"|"call"|"script"|"state"|"held"|"unsent"|"unread"|"step"|"dropped"} kind
 * @property {Tcp} [tcp]
 * @property {Bytes} [bytes]
 * @property {Handshake} [handshake]
 * @property {Frame} [frame]
 * @property {Message} [message]
 * @property {Call} [call]
 * @property {Script} [script]
 * @property {StateChange} [state]
 * @property {Held} [held]
 * @property {Piece} [unsent]
 * @property {Piece} [unread]
 * @property {Step} [step]
 * @property {{count: number, here?: boolean}} [dropped] here: the page made it, of events that it keeps no more
 *
 * @typedef {"head"|"len"|"key"|"data"|"code"} Group
 * @typedef {{name: string, letter: string, group: Group, bit: number, bits: number, raw: string, value: string,
 *   form: string, meaning: string, rfc?: string[], rule?: string, violations?: Violation[], site?: string}} Field
 * @typedef {{event: LabEvent, fields: Field[]}} Detail
 * @typedef {[string, string]} Token
 * @typedef {{package: string, file: string, symbol: string, version?: string, first: number, hot: number[],
 *   numbers: number[], lines: Token[][], link?: string}} Listing
 * @typedef {{site: string, reference: Listing|null, gorilla: Listing|null}} Source
 * @typedef {{session: string, conn: number, endpoint: string, client: string, remote: string, outside: boolean,
 *   open: boolean, since: number, frames: number}} LiveConnection
 * @typedef {{session: string, now: number, holding: boolean, outside: boolean}} SessionState
 *
 * @typedef {"reference"|"gorilla"|"naive"|"both"|"all"|"plays"} Mode
 * @typedef {{do: string, text?: string, hex?: string, repeat?: number, code?: number, reason?: string,
 *   broken?: string, name?: string, parts?: string[], endpoint?: string, fields?: [string, string|null][],
 *   shows?: Record<string, unknown>}} Action shows: the event that the text beside its button speaks of, where that is not the first frame that it causes
 */
export {};
