/** Wire dialects of the load client, one per kind of server. Frames sent in a loop are encoded once. */
import { encodeClientFrame, TEXTS } from '@carillon/protocol/protobuf';
import { binaryFrame, textFrame } from './raw-socket.ts';

export type DialectName =
  | 'carillon'
  | 'carillon-batches'
  | 'carillon-deflate'
  | 'carillon-protobuf'
  | 'carillon-protobuf-batches'
  | 'socketio'
  | 'ws'
  | 'relay'
  | 'raw';

export interface Dialect {
  /** Path of the upgrade; `undefined`: plain TCP that carries frames from the first byte on. */
  readonly path: string | undefined;
  readonly protocol: string | undefined;
  /** Sec-WebSocket-Extensions. */
  readonly extensions?: string;
  /** Frames may be binary, compressed, or hold several messages: each is searched as a whole. */
  readonly anyFrame?: true;
  /** Frames are served in order, so what comes after `hello` need not wait for its answer. */
  readonly asksAhead?: true;
  /** Sent right after the socket is open, and the text by which the answer is known; [] when there is nothing to say. */
  hello(token: string): readonly Step[];
  subscribe(channel: string): Step;
  /** A publish whose payload is `{"t":<us>,"n":<n>,"pad":"..."}`. */
  publish(channel: string, id: number, payload: string): Buffer;
  /** How an answer to a publish begins. */
  readonly acceptedMark: string;
  /** Answer to a server's heartbeat, when this text comes. */
  readonly heartbeat: { readonly ask: string; readonly answer: Buffer } | undefined;
}

export interface Step {
  readonly send: Buffer | undefined;
  /** Go on when a message contains this. */
  readonly until: string;
}

const carillon: Dialect = {
  path: '/v1/ws',
  protocol: 'carillon.v1.json',
  asksAhead: true,
  hello: (token) => [
    { send: textFrame(JSON.stringify({ type: 'connect', id: 1, token })), until: '"type":"connected"' },
  ],
  subscribe: (channel) => ({
    send: textFrame(JSON.stringify({ type: 'subscribe', id: 2, channels: [{ channel }] })),
    until: '"type":"subscribed"',
  }),
  publish: (channel, id, payload) =>
    textFrame(`{"type":"publish","id":${id},"channel":"${channel}","payload":${payload}}`),
  acceptedMark: '{"type":"accepted"',
  heartbeat: undefined,
};

/** Messages that wait for each other, as an application would ask for them that shows a list. */
const BATCH = { size: 50, delayMs: 50 };

const carillonBatches: Dialect = {
  ...carillon,
  anyFrame: true,
  hello: (token) => [
    {
      send: textFrame(JSON.stringify({ type: 'connect', id: 1, token, batch: BATCH })),
      until: '"type":"connected"',
    },
  ],
};

const carillonDeflate: Dialect = {
  ...carillon,
  anyFrame: true,
  extensions: 'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
};

/** The dialect with protobuf frames. Subscribes only. */
function protobuf(batch: object): Dialect {
  return {
    ...carillon,
    protocol: 'carillon.v1.protobuf',
    anyFrame: true,
    hello: (token) => [
      {
        send: binaryFrame(encodeClientFrame({ type: 'connect', id: 1, token, ...batch }, TEXTS)),
        // The answer names the gateway and its limits; the user is all that is known before.
        until: 'bench',
      },
    ],
    subscribe: (channel) => ({
      send: binaryFrame(encodeClientFrame({ type: 'subscribe', id: 2, channels: [{ channel }] }, TEXTS)),
      until: channel,
    }),
    publish: () => {
      throw new Error('publications are made in JSON');
    },
    acceptedMark: '',
  };
}

const socketio: Dialect = {
  path: '/socket.io/?EIO=4&transport=websocket',
  protocol: undefined,
  hello: () => [
    { send: undefined, until: '0{' },
    { send: textFrame('40'), until: '40{' },
  ],
  subscribe: (channel) => ({ send: textFrame(`421["join","${channel}"]`), until: '431[' }),
  publish: (channel, id, payload) => textFrame(`42${id}["publish","${channel}",${payload}]`),
  acceptedMark: '43',
  heartbeat: { ask: '2', answer: textFrame('3') },
};

/** A server that answers each message with `ok` and does nothing else. */
const ws: Dialect = {
  path: '/',
  protocol: undefined,
  hello: () => [],
  subscribe: (channel) => ({ send: textFrame(channel), until: 'ok' }),
  publish: () => {
    throw new Error('the bare server takes no publications');
  },
  acceptedMark: '',
  heartbeat: undefined,
};

/** The floor of a message's way, floor/relay.c. It answers a publish with `+`. */
const relay: Dialect = {
  ...ws,
  publish: (channel, _id, payload) => textFrame(`${channel} ${payload}`),
  acceptedMark: '+',
};

const raw: Dialect = {
  path: undefined,
  protocol: undefined,
  hello: () => [],
  subscribe: () => ({ send: undefined, until: '' }),
  publish: () => {
    throw new Error('the floor program publishes by itself');
  },
  acceptedMark: '',
  heartbeat: undefined,
};

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  carillon,
  'carillon-batches': carillonBatches,
  'carillon-deflate': carillonDeflate,
  'carillon-protobuf': protobuf({}),
  'carillon-protobuf-batches': protobuf({ batch: BATCH }),
  socketio,
  ws,
  relay,
  raw,
};

/** Frames sent, and answers awaited, until a connection is subscribed. */
export function openingSteps(dialect: Dialect, token: string, channel: string): readonly Step[] {
  const steps = [...dialect.hello(token), dialect.subscribe(channel)];
  if (dialect.asksAhead === undefined) return steps;
  const all = Buffer.concat(steps.flatMap(({ send }) => send ?? []));
  return steps.map(({ until }, i) => ({ send: i === 0 ? all : undefined, until }));
}
