import type { Position, ServerFrame, SubscribeResult } from '@carillon/protocol';
import { WebSocket } from 'ws';
import type { Recorder } from './history-file.ts';

const RETRY_MS = 50;
const SILENT_MS = 3000;
const PING_EVERY_MS = 1000;

export interface RecordedBareSubscriberOptions {
  readonly app: string;
  readonly url: string;
  readonly token: string;
  readonly channels: readonly string[];
  readonly recorder: Recorder;
  /** Without a sign of life for this long the connection is taken for dead. Default 3000. */
  readonly silentMs?: number;
  /** Subscribes as this consumer instead of with its position. */
  readonly consumer?: ConsumerRole;
}

/** A consumer's name, and whether this connection acknowledges all that comes. */
export interface ConsumerRole {
  readonly name: string;
  readonly acknowledges: boolean;
}

/**
 * A client without the SDK: what the gateway sends is what it has. It drops, sorts and repairs nothing, and comes back with the last
 * position it was sent.
 */
export class RecordedBareSubscriber {
  readonly app: string;
  readonly channels: readonly string[];
  readonly #options: RecordedBareSubscriberOptions;
  readonly #recorder: Recorder;
  readonly #positions = new Map<string, Position>();
  readonly #first = Promise.withResolvers<void>();
  #socket: WebSocket | undefined;
  #pings: NodeJS.Timeout | undefined;
  #heardAtMs = 0;
  #closed = false;

  constructor(options: RecordedBareSubscriberOptions) {
    this.#options = options;
    this.#recorder = options.recorder;
    this.app = options.app;
    this.channels = options.channels;
  }

  get name(): string {
    return this.#recorder.process;
  }

  position(channel: string): Position | undefined {
    return this.#positions.get(channel);
  }

  async start(): Promise<void> {
    this.#pings = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#open();
    await this.#first.promise;
  }

  leave(): void {
    this.#closed = true;
    clearInterval(this.#pings);
    this.#socket?.terminate();
  }

  /** Cuts its connection; it comes back by itself. */
  drop(): void {
    this.#socket?.terminate();
  }

  #open(): void {
    const socket = new WebSocket(`${this.#options.url}/v1/ws`, ['carillon.v1.json']);
    this.#socket = socket;
    this.#heardAtMs = performance.now();
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connect', id: 1, token: this.#options.token })),
    );
    socket.on('message', (data) => {
      // Frames still in an abandoned socket are lost with its connection.
      if (socket === this.#socket && !this.#closed)
        this.#onFrame(socket, JSON.parse(String(data)) as ServerFrame);
    });
    socket.on('error', () => undefined); // `close` follows
    socket.on('close', () => {
      if (socket === this.#socket) this.#socket = undefined;
      if (!this.#closed) setTimeout(() => this.#socket ?? this.#open(), RETRY_MS);
    });
  }

  #ping(): void {
    if (performance.now() - this.#heardAtMs > (this.#options.silentMs ?? SILENT_MS))
      this.#socket?.terminate();
    else if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send('{"type":"ping","id":3}');
  }

  #onFrame(socket: WebSocket, frame: ServerFrame): void {
    this.#heardAtMs = performance.now();
    // The server's own news come unasked.
    if ('channel' in frame && !this.channels.includes(frame.channel)) return;
    if (frame.type === 'connected') socket.send(this.#subscribeFrame());
    else if (frame.type === 'subscribed') this.#onSubscribed(socket, frame.results);
    else if (frame.type === 'gap') this.#told(frame.channel, frame.from, frame, frame.reason);
    else if (frame.type === 'message') {
      const { channel, epoch, seq, payload } = frame;
      this.#positions.set(channel, { epoch, seq });
      const { key } = payload as { key: string };
      if (this.#options.consumer?.acknowledges === true)
        socket.send(JSON.stringify({ type: 'ack', id: 4, channel, epoch, seq }));
      this.#recorder.record({ type: 'receive', at: Date.now(), app: this.app, channel, epoch, seq, key });
    }
  }

  #subscribeFrame(): string {
    const { consumer } = this.#options;
    const channels = this.channels.map((channel) => {
      if (consumer !== undefined) return { channel, consumer: consumer.name };
      const position = this.#positions.get(channel);
      return position === undefined ? { channel } : { channel, position };
    });
    return JSON.stringify({ type: 'subscribe', id: 2, channels });
  }

  #onSubscribed(socket: WebSocket, results: readonly SubscribeResult[]): void {
    // Refused while the broker is away: come again.
    if (results.some(({ error }) => error !== undefined)) {
      socket.terminate();
      return;
    }
    for (const { channel, epoch = '', seq = 0, recovered, reason = '', missed = 0 } of results) {
      const known = this.#positions.get(channel);
      const place = { at: Date.now(), app: this.app, channel, epoch, seq };
      if (known === undefined) this.#recorder.record({ type: 'begin', ...place, forgetful: true });
      else if (recovered === true) this.#recorder.record({ type: 'recovered', ...place, missed });
      else this.#told(channel, known, { epoch, seq }, reason);
      this.#positions.set(channel, { epoch, seq });
    }
    this.#first.resolve();
  }

  #told(channel: string, from: Position, { epoch, seq }: Position, reason: string): void {
    this.#positions.set(channel, { epoch, seq });
    this.#recorder.record({
      type: 'notice',
      at: Date.now(),
      app: this.app,
      channel,
      from,
      epoch,
      seq,
      reason,
    });
  }
}
