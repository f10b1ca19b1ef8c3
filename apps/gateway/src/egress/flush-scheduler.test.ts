import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FlushScheduler } from './flush-scheduler.ts';
import { Outbox } from './outbox.ts';
import { textFrame } from './text-frame.ts';

/** The writing side of a socket: what each write brings. */
class Peer extends Writable {
  readonly writes: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#take(chunk);
    done();
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(Buffer.concat(chunks.map(({ chunk }) => chunk)));
    done();
  }

  get text(): string {
    return Buffer.concat(this.writes).toString();
  }

  #take(chunk: Buffer): void {
    this.writes.push(chunk);
  }
}

/** The longest rest. */
const REST_MS = 12;
const LIMITS = { sendQueueMessages: 10_000, sendQueueBytes: 16 * 1024 * 1024 };

function client(rounds: FlushScheduler): { peer: Peer; outbox: Outbox } {
  const peer = new Peer();
  const outbox = new Outbox(peer as unknown as Socket, LIMITS, rounds, () => {
    throw new Error('overflow');
  });
  return { peer, outbox };
}

const [a, b, c] = ['a', 'b', 'c'].map((text) => textFrame(text)) as [Buffer, Buffer, Buffer];

async function largeRound(rounds: FlushScheduler): Promise<void> {
  for (let i = 0; i < 500; i++) client(rounds).outbox.sendGathered(a);
  await turn();
}

/** Rounds so large and so close to each other that the next one has to rest. */
async function largeRounds(rounds: FlushScheduler): Promise<void> {
  await largeRound(rounds);
  await largeRound(rounds);
}

describe('rounds of writes', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('bring what came in a turn in one write, the same bytes to all who get the same', async () => {
    const rounds = new FlushScheduler();
    const [one, two, other] = [client(rounds), client(rounds), client(rounds)];
    for (const frame of [a, b, c]) {
      one.outbox.sendGathered(frame);
      two.outbox.sendGathered(frame);
      if (frame !== b) other.outbox.sendGathered(frame);
    }
    await turn();
    expect(one.peer.writes).toEqual([Buffer.concat([a, b, c])]);
    expect(two.peer.writes[0]).toBe(one.peer.writes[0]);
    expect(other.peer.writes).toEqual([Buffer.concat([a, c])]);
  });

  it('come at once when there is little to write', async () => {
    const rounds = new FlushScheduler();
    const { peer, outbox } = client(rounds);
    for (const frame of [a, b]) {
      outbox.sendGathered(frame);
      await turn();
    }
    expect(peer.writes).toEqual([a, b]);
  });

  it('rest after much was written, and gather meanwhile', async () => {
    const rounds = new FlushScheduler();
    await largeRounds(rounds);
    const { peer, outbox } = client(rounds);
    outbox.sendGathered(a);
    await turn();
    outbox.sendGathered(b);
    expect(peer.writes).toEqual([]);
    vi.advanceTimersByTime(REST_MS);
    expect(peer.writes).toEqual([Buffer.concat([a, b])]);
  });

  it('rest twice as long when each write brings many messages', async () => {
    const rounds = new FlushScheduler();
    const many = Array.from({ length: 500 }, () => client(rounds));
    for (let round = 0; round < 2; round++) {
      for (const { outbox } of many) for (let i = 0; i < 12; i++) outbox.sendGathered(a);
      await turn();
    }
    const { peer, outbox } = client(rounds);
    outbox.sendGathered(b);
    vi.advanceTimersByTime(2 * REST_MS - 1);
    expect(peer.writes).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(peer.writes).toEqual([b]);
  });

  it('come at once after a single large one, such as of pings', async () => {
    const rounds = new FlushScheduler();
    await largeRound(rounds);
    const { peer, outbox } = client(rounds);
    outbox.sendGathered(a);
    await turn();
    expect(peer.writes).toEqual([a]);
  });

  it('do not keep an answer waiting, nor what came before it', async () => {
    const rounds = new FlushScheduler();
    await largeRounds(rounds);
    const { peer, outbox } = client(rounds);
    outbox.sendGathered(a);
    outbox.send(b);
    await turn();
    expect(peer.writes).toEqual([Buffer.concat([a, b])]);
    outbox.sendGathered(c);
    vi.advanceTimersByTime(REST_MS);
    expect(peer.text).toBe(Buffer.concat([a, b, c]).toString());
  });

  it('do not gather more than fits into one write', async () => {
    const rounds = new FlushScheduler();
    await largeRounds(rounds);
    const { peer, outbox } = client(rounds);
    const large = textFrame('x'.repeat(40_000));
    outbox.sendGathered(large);
    await turn();
    expect(peer.writes).toEqual([]);
    outbox.sendGathered(large);
    await turn();
    expect(Buffer.concat(peer.writes).length).toBe(2 * large.length);
  });

  it('let others have their turn when they are large', async () => {
    const rounds = new FlushScheduler();
    const many = Array.from({ length: 1200 }, () => client(rounds));
    for (const { outbox } of many) outbox.sendGathered(a);
    await turn();
    const last = many.at(-1)!;
    expect(many.filter(({ peer }) => peer.writes.length > 0)).toHaveLength(500);
    last.outbox.sendGathered(b);
    const early = many[0]!;
    early.outbox.sendGathered(b);
    const asking = client(rounds);
    asking.outbox.send(c);
    await turn();
    expect(asking.peer.writes).toEqual([c]);
    expect(last.peer.writes).toEqual([]);
    await turn();
    vi.advanceTimersByTime(REST_MS);
    await turn();
    expect(early.peer.writes).toEqual([a, b]);
    expect(last.peer.writes).toEqual([Buffer.concat([a, b])]);
  });

  it('are not waited for by a client that is closed', async () => {
    const rounds = new FlushScheduler();
    await largeRounds(rounds);
    const { peer, outbox } = client(rounds);
    outbox.sendGathered(a);
    outbox.sendGathered(b);
    outbox.close();
    outbox.sendGathered(c);
    expect(peer.writes).toEqual([Buffer.concat([a, b])]);
  });
});
