import { encodeRecord, type MessageFrame } from '@carillon/protocol';
import { decodeServerFrame, VALUES } from '@carillon/protocol/protobuf';
import { describe, expect, it } from 'vitest';
import { BatchFrames } from './batch-frame.ts';
import { BatchWheel } from './batch-wheel.ts';
import { Batcher } from './batcher.ts';
import { contentOf } from './binary-frame.ts';
import { type EncodingName, MessageFrames } from './frame.ts';

function message(seq: number, payload: unknown = { seq }): MessageFrames {
  return new MessageFrames(
    'a',
    'e',
    seq,
    encodeRecord({ id: `m${seq}`, timestamp: seq }, JSON.stringify(payload)),
  );
}

/** The seqs in a frame that was sent. */
function seqsIn(encoding: EncodingName, sent: Buffer): number[] {
  const content = contentOf(sent);
  const frame =
    encoding === 'json'
      ? (JSON.parse(content.toString()) as { type: string; messages: MessageFrame[] } | MessageFrame)
      : (decodeServerFrame(content, VALUES) as unknown as { type: string; messages: MessageFrame[] });
  expect(sent[0]).toBe(encoding === 'json' ? 0x81 : 0x82);
  return 'messages' in frame ? frame.messages.map(({ seq }) => seq) : [(frame as MessageFrame).seq];
}

function setUp(encoding: EncodingName, size: number) {
  const clock = { ms: 0 };
  const wheel = new BatchWheel(() => clock.ms);
  const batching = { wheel, frames: new BatchFrames() };
  const newClient = (delayMs = 100) => {
    const sent: Buffer[] = [];
    const batcher = new Batcher(batching, { size, delayMs }, encoding, (frame) => sent.push(frame));
    return { batcher, sent, seqs: () => sent.map((frame) => seqsIn(encoding, frame)) };
  };
  const after = (ms: number) => {
    clock.ms += ms;
    wheel.tick();
  };
  return { newClient, after };
}

describe.each<EncodingName>(['json', 'protobuf'])('[BA2] batches in %s', (encoding) => {
  it('leave when they are full', () => {
    const { batcher, seqs } = setUp(encoding, 3).newClient();
    for (let seq = 1; seq <= 7; seq++) batcher.add(message(seq).in(encoding));
    expect(seqs()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    batcher.flush();
    expect(seqs().at(-1)).toEqual([7]);
    batcher.flush();
    expect(seqs()).toHaveLength(3);
  });

  it('leave when the first message has waited long enough, and not before', () => {
    const { newClient, after } = setUp(encoding, 50);
    const { batcher, seqs } = newClient(100);
    batcher.add(message(1).in(encoding));
    after(60);
    batcher.add(message(2).in(encoding));
    after(35);
    expect(seqs()).toEqual([]);
    after(10);
    expect(seqs()).toEqual([[1, 2]]);
    batcher.add(message(3).in(encoding));
    after(95);
    expect(seqs()).toHaveLength(1);
    after(10);
    expect(seqs()[1]).toEqual([3]);
  });

  it('leave before they become large', () => {
    const { batcher, seqs } = setUp(encoding, 50).newClient();
    for (let seq = 1; seq <= 5; seq++) batcher.add(message(seq, 'x'.repeat(20_000)).in(encoding));
    batcher.flush();
    expect(seqs()).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    batcher.add(message(6, 'x'.repeat(70_000)).in(encoding));
    expect(seqs().at(-1)).toEqual([6]);
  });

  it('are the same bytes for clients that get the same messages', () => {
    const { newClient } = setUp(encoding, 2);
    const [one, two] = [newClient(), newClient()];
    for (const seq of [1, 2]) {
      const frame = message(seq).in(encoding);
      one.batcher.add(frame);
      two.batcher.add(frame);
    }
    expect(one.sent[0]).toBe(two.sent[0]);
    two.batcher.add(message(3).in(encoding));
    one.batcher.add(message(4).in(encoding));
    for (const { batcher } of [one, two]) batcher.flush();
    expect([one.seqs()[1], two.seqs()[1]]).toEqual([[4], [3]]);
  });
});

describe('the wheel of batches', () => {
  it('tells each at its time, whatever the delays, and nobody who has stopped waiting', () => {
    const clock = { ms: 0 };
    const wheel = new BatchWheel(() => clock.ms);
    const told = new Map<number, number>();
    const delays = [1, 4, 5, 6, 99, 100, 101, 2500, 4999, 5000];
    for (const delayMs of delays) wheel.wait({ onDue: () => told.set(delayMs, clock.ms) }, delayMs);
    const stop = wheel.wait({ onDue: () => told.set(-1, clock.ms) }, 50);
    stop();
    for (; clock.ms < 6000; clock.ms++) wheel.tick();
    expect([...told.keys()]).toEqual(delays);
    for (const [delayMs, atMs] of told) {
      expect(atMs).toBeGreaterThanOrEqual(delayMs);
      expect(atMs).toBeLessThanOrEqual(delayMs + 5);
    }
  });

  it('takes up again after a rest, and after a busy event loop', () => {
    const clock = { ms: 0 };
    const wheel = new BatchWheel(() => clock.ms);
    const told: string[] = [];
    wheel.wait({ onDue: () => told.push('a') }, 10);
    clock.ms = 20_000;
    wheel.wait({ onDue: () => told.push('b') }, 10);
    wheel.tick();
    expect(told).toEqual(['a', 'b']);
    wheel.wait({ onDue: () => told.push('c') }, 10);
    clock.ms += 9;
    wheel.tick();
    expect(told).toHaveLength(2);
    clock.ms += 6;
    wheel.tick();
    expect(told).toEqual(['a', 'b', 'c']);
  });
});
