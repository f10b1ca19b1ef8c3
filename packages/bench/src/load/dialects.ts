/** What a load client says to each kind of server. Everything that is sent in a loop is prepared once. */
import { textFrame } from './raw-socket.ts';

export type DialectName = 'carillon' | 'socketio' | 'ws' | 'raw';

export interface Dialect {
  /** Path of the upgrade; `undefined`: plain TCP that carries frames from the first byte on. */
  readonly path: string | undefined;
  readonly protocol: string | undefined;
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

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = { carillon, socketio, ws, raw };
