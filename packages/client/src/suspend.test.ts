/**
 * The machine sleeps longer than the server remembers a producer. On most systems `performance.now()` stands still meanwhile; only the
 * wall clock shows it. A repeat after that would be taken for a new message.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryNetwork } from './memory-network.suite.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import type { Publishing } from './publishing.ts';
import { RealtimeClient } from './realtime-client.ts';

const CHANNEL = 'chat:lobby';
const SLEEP_MS = 11 * 60_000;

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const log = () => peer.log(CHANNEL).map(({ payload }) => payload);
const codeOf = (publishing: Publishing) =>
  publishing.then(
    () => 'accepted',
    ({ code }: { code: string }) => code,
  );

/** Timers and the monotonic clock stand still; the wall clock does not, and the server forgets. */
function sleep(ms = SLEEP_MS): void {
  network.cut();
  vi.setSystemTime(Date.now() + ms);
  peer.forgetProducers();
}

beforeEach(async () => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  client = new RealtimeClient({ url: 'ws://peer', webSocket: network.WebSocket, token: 'ada' });
  client.connect();
  await pass(100);
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('[PU6] after a sleep that is longer than the memory of producers', () => {
  it('a publish whose answer is missing is not repeated: its outcome is unknown', async () => {
    peer.delayAnswer = ({ type }) => type === 'publish';
    const outcome = codeOf(client.publish(CHANNEL, 'once'));
    await pass(50);
    sleep();
    peer.delayAnswer = () => false;
    await pass(60_000);
    expect(log()).toEqual(['once']);
    expect(await outcome).toBe('OUTCOME_UNKNOWN');
  });

  it('one that waits for its pause after a refusal is not repeated either', async () => {
    peer.answerWith = (frame) =>
      frame.type === 'publish'
        ? { code: 'OUTCOME_UNKNOWN', message: 'perhaps', retryable: true, retryAfterMs: 2_000 }
        : undefined;
    const outcome = codeOf(client.publish(CHANNEL, 'once'));
    await pass(50);
    // The connection survives, as to a server on the same machine; no timer is due before the pause is over.
    vi.setSystemTime(Date.now() + SLEEP_MS);
    peer.forgetProducers();
    peer.answerWith = () => undefined;
    await pass(60_000);
    expect(log()).toEqual(['once']);
    expect(await outcome).toBe('OUTCOME_UNKNOWN');
  });

  it('one that is accepted is not published again to hear that it is stored', async () => {
    peer.delayAnswer = (_frame, { type }) => type === 'stored';
    const publishing = client.publish(CHANNEL, 'once', { stored: true });
    const stored = publishing.stored.then(
      () => 'stored',
      ({ code }: { code: string }) => code,
    );
    await pass(50);
    sleep();
    peer.delayAnswer = () => false;
    await pass(60_000);
    expect(log()).toEqual(['once']);
    expect([await codeOf(publishing), await stored]).toEqual(['accepted', 'OUTCOME_UNKNOWN']);
  });

  it('what was never sent is sent, one at a time until the server knows the producer again', async () => {
    client.publish(CHANNEL, 'before').catch(() => undefined);
    await pass(50);
    network.reachable = false;
    sleep();
    const outcomes = ['a', 'b', 'c'].map((text) => codeOf(client.publish(CHANNEL, text)));
    network.reachable = true;
    // The first of them is lost on its way: the second must not be taken before it.
    let lost = 1;
    peer.ignore = (frame) => frame.type === 'publish' && lost-- > 0;
    await pass(5_000);
    network.cut();
    await pass(60_000);
    expect(log()).toEqual(['before', 'a', 'b', 'c']);
    expect(await Promise.all(outcomes)).toEqual(['accepted', 'accepted', 'accepted']);
  });

  it('a clock that is set back changes nothing', async () => {
    peer.delayAnswer = ({ type }) => type === 'publish';
    const outcome = codeOf(client.publish(CHANNEL, 'once'));
    await pass(50);
    network.reachable = false;
    network.cut();
    vi.setSystemTime(Date.now() - 3_600_000);
    await pass(SLEEP_MS);
    peer.forgetProducers();
    peer.delayAnswer = () => false;
    network.reachable = true;
    await pass(60_000);
    expect(log()).toEqual(['once']);
    expect(await outcome).toBe('OUTCOME_UNKNOWN');
  });
});
