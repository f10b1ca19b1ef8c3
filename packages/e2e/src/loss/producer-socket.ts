import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerFrame } from '@carillon/protocol';
import { WebSocket } from 'ws';
import { tokenFor } from '../people.ts';

const RETRY_MS = 100;
const RETRY_FOR_MS = 20_000;

export type Answer = Extract<ServerFrame, { type: 'accepted' | 'error' }>;

/** A publisher without the SDK, which stamps and repeats as it is told. The n-th message is the same at each repeat. */
export class ProducerSocket {
  readonly #socket: WebSocket;
  readonly #channel: string;
  readonly #producer: string;
  readonly #open = new Map<number, (answer: Answer) => void>();
  #lastId = 1;

  private constructor(socket: WebSocket, channel: string, producer: string) {
    this.#socket = socket;
    this.#channel = channel;
    this.#producer = producer;
  }

  static async open(port: number, channel: string, producer = 'producer-1'): Promise<ProducerSocket> {
    const token = await tokenFor('producer');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, ['carillon.v1.json']);
    const opened = new ProducerSocket(socket, channel, producer);
    await once(socket, 'open');
    const { promise: connected, resolve } = Promise.withResolvers<void>();
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as ServerFrame;
      if (frame.type === 'connected') resolve();
      if ((frame.type === 'accepted' || frame.type === 'error') && frame.re !== undefined)
        opened.#settle(Number(frame.re), frame);
    });
    socket.send(JSON.stringify({ type: 'connect', id: 1, token }));
    await connected;
    return opened;
  }

  async publish(seq: number, prev = seq - 1): Promise<Answer> {
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Answer>();
    this.#open.set(id, resolve);
    const producer = { id: this.#producer, seq, prev };
    const payload = { key: `${this.#producer}-${seq}` };
    this.#socket.send(JSON.stringify({ type: 'publish', id, channel: this.#channel, payload, producer }));
    return await promise;
  }

  /** Again while it is refused as something that may be tried again. */
  async publishPatiently(seq: number, prev = seq - 1): Promise<Answer> {
    const deadline = performance.now() + RETRY_FOR_MS;
    for (;;) {
      const answer = await this.publish(seq, prev);
      if (answer.type === 'accepted' || !answer.retryable || performance.now() > deadline) return answer;
      await pause(RETRY_MS);
    }
  }

  close(): void {
    this.#socket.terminate();
  }

  #settle(id: number, answer: Answer): void {
    this.#open.get(id)?.(answer);
    this.#open.delete(id);
  }
}
