/** The client's own uploads delay a pong: a slow line, not a dead one. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryNetwork } from './memory-network.suite.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';
import type { SocketConstructor } from './socket.ts';

const CHANNEL = 'photos:1';
const UPLINK_BYTES_PER_MS = 5;
/** Bytes buffered by the operating system: they do not count in `bufferedAmount`. */
const SYSTEM_BUFFER_BYTES = 100_000;

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;
const disconnected: string[] = [];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** Frames get to the server one after another, at the uplink's speed. */
function slowly(base: SocketConstructor): SocketConstructor {
  return class extends base {
    #waiting: string[] = [];
    #sending = false;
    #startedAtMs = 0;

    override get bufferedAmount(): number {
      const bytes = this.#waiting.reduce((sum, { length }) => sum + length, 0);
      const sent = (performance.now() - this.#startedAtMs) * UPLINK_BYTES_PER_MS;
      return Math.max(0, bytes - sent - SYSTEM_BUFFER_BYTES);
    }

    override send(data: string): void {
      this.#waiting.push(data);
      if (!this.#sending) this.#next();
    }

    #next(): void {
      const [data] = this.#waiting;
      this.#sending = data !== undefined;
      if (data === undefined) return;
      this.#startedAtMs = performance.now();
      setTimeout(() => {
        this.#waiting.shift();
        super.send(data);
        this.#next();
      }, data.length / UPLINK_BYTES_PER_MS);
    }
  };
}

beforeEach(async () => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  disconnected.length = 0;
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  client = new RealtimeClient({
    url: 'ws://peer',
    webSocket: slowly(network.WebSocket),
    outbox: { maxBytes: 100_000_000 },
  });
  client.on('disconnected', ({ reason }) => disconnected.push(reason));
  client.connect();
  await pass(1_000);
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('on an uplink of 5 kB/s', () => {
  it.each([
    ['many messages of 60 kB', 12, 60_000],
    ['one message of 1 MB', 1, 1_000_000],
  ])('%s are sent once, on one connection', async (_what, count, bytes) => {
    peer.maxFrameBytes = 2_000_000;
    client.close();
    client.connect();
    await pass(1_000);
    disconnected.length = 0;
    const sent = Array.from({ length: count }, () => client.publish(CHANNEL, 'x'.repeat(bytes)));
    await pass((count * bytes) / UPLINK_BYTES_PER_MS + 60_000);
    await Promise.all(sent);
    expect(disconnected).toEqual([]);
    expect(peer.received.filter(({ type }) => type === 'publish')).toHaveLength(count);
  });

  it('a line that is dead is found all the same', async () => {
    client.publish(CHANNEL, 'x'.repeat(40_000)).catch(() => undefined);
    network.silence();
    // A ping comes within 25 s; its answer is awaited for 10 s, and the message's for as long as it may take.
    await pass(25_000 + 10_000 + 40_000 / 4 + 1_000);
    expect(disconnected).toEqual(['no answer to a ping']);
  });
});
