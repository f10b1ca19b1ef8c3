import { once } from 'node:events';
import type { Position, ServerFrame } from '@carillon/protocol';
import { WebSocket } from 'ws';
import { tokenFor } from './people.ts';

/** A client without an SDK: what the gateway sends is what it has. Nothing is repaired, sorted or dropped here. */
export class BareSubscriber {
  readonly seqs: number[] = [];
  /** The place in `seqs` of the first message of each further epoch: they begin at 1 [PO5]. */
  readonly #epochs = new Map<string, number>();
  readonly others: ServerFrame[] = [];
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  static async open(port: number, channel: string): Promise<BareSubscriber> {
    const token = await tokenFor('bare');
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, ['carillon.v1.json']);
    const bare = new BareSubscriber(socket);
    await once(socket, 'open');
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on('message', (data) => {
      const frame = JSON.parse(String(data)) as ServerFrame;
      if (frame.type === 'message') bare.#take(frame);
      else bare.others.push(frame);
      if (frame.type === 'connected')
        socket.send(JSON.stringify({ type: 'subscribe', id: 2, channels: [{ channel }] }));
      if (frame.type === 'subscribed') resolve();
    });
    socket.send(JSON.stringify({ type: 'connect', id: 1, token }));
    await promise;
    return bare;
  }

  /** The seqs that follow the first one, as they would be without a gap or a double. */
  get expected(): readonly number[] {
    const begins = new Set([...this.#epochs.values()].slice(1));
    const expected: number[] = [];
    for (const i of this.seqs.keys())
      expected.push(i === 0 ? this.seqs[0]! : begins.has(i) ? 1 : expected[i - 1]! + 1);
    return expected;
  }

  #take({ epoch, seq }: Position): void {
    if (!this.#epochs.has(epoch)) this.#epochs.set(epoch, this.seqs.length);
    this.seqs.push(seq);
  }

  close(): void {
    this.#socket.terminate();
  }
}
