import type { ErrorBody } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { RealtimeClientOptions } from './options.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { outcomeOf } from './publish-outcome.ts';
import { RealtimeClient } from './realtime-client.ts';
import type { SocketConstructor, SocketLike } from './socket.ts';

const CHANNEL = 'chat:lobby';
const LATER: ErrorBody = { code: 'UNAVAILABLE', message: 'later', retryable: true };
const NEVER: ErrorBody = { code: 'PERMISSION_DENIED', message: 'no', retryable: false };

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;

function make(options: Partial<RealtimeClientOptions> = {}): RealtimeClient {
  return new RealtimeClient({
    url: 'ws://peer',
    webSocket: network.WebSocket,
    random: () => 0.5,
    ...options,
  });
}

const payloads = (): unknown[] => peer.log(CHANNEL).map(({ payload }) => payload);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  client = make();
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('publishes without a connection', () => {
  it('go out in order at the first connection', async () => {
    const outcomes = [1, 2, 3, 4, 5].map((n) => outcomeOf(client.publish(CHANNEL, n)));
    expect(client.pendingPublishes).toBe(5);
    client.connect();
    await pass(1_000);
    expect(await Promise.all(outcomes)).toMatchObject(
      [1, 2, 3, 4, 5].map((seq) => ({ outcome: 'accepted', receipt: { seq, duplicate: false } })),
    );
    expect(payloads()).toEqual([1, 2, 3, 4, 5]);
  });

  it('go out in order after an outage, behind those whose answers it took', async () => {
    client.connect();
    await pass(100);
    peer.delayAnswer = (frame) => frame.type === 'publish';
    const first = outcomeOf(client.publish(CHANNEL, 'sent'));
    await pass(20);
    network.reachable = false;
    network.cut();
    const later = ['offline 1', 'offline 2'].map((text) => outcomeOf(client.publish(CHANNEL, text)));
    peer.delayAnswer = () => false;
    await pass(20_000);
    network.reachable = true;
    await pass(60_000);
    expect(await first).toMatchObject({ outcome: 'accepted', receipt: { seq: 1, duplicate: true } });
    expect(await Promise.all(later)).toMatchObject([{ receipt: { seq: 2 } }, { receipt: { seq: 3 } }]);
    expect(payloads()).toEqual(['sent', 'offline 1', 'offline 2']);
  });

  it('are bounded in number', async () => {
    client = make({ outbox: { maxMessages: 2 } });
    client.publish(CHANNEL, 1).catch(() => undefined);
    client.publish(CHANNEL, 2).catch(() => undefined);
    const third = await outcomeOf(client.publish(CHANNEL, 3));
    expect(third).toMatchObject({ outcome: 'refused', retryable: true, error: { code: 'OUTBOX_FULL' } });
    client.connect();
    await pass(1_000);
    const fourth = outcomeOf(client.publish(CHANNEL, 4));
    await pass(100);
    expect(await fourth).toMatchObject({ outcome: 'accepted' });
    expect(payloads()).toEqual([1, 2, 4]);
  });

  it('are bounded in bytes, counted as UTF-8', async () => {
    client = make({ outbox: { maxBytes: 1_000 } });
    client.publish(CHANNEL, 'ä'.repeat(300)).catch(() => undefined);
    const second = await outcomeOf(client.publish(CHANNEL, 'ä'.repeat(300)));
    expect(second).toMatchObject({ outcome: 'refused', error: { code: 'OUTBOX_FULL' } });
    expect(client.pendingPublishes).toBe(1);
  });
});

describe('outcomes', () => {
  it('[PU3] are the first result when the retry after an unclear answer arrives', async () => {
    client.connect();
    await pass(100);
    let unclear = 3;
    peer.answerWith = (frame) =>
      frame.type === 'publish' && unclear-- > 0
        ? { code: 'OUTCOME_UNKNOWN', message: 'perhaps', retryable: true }
        : undefined;
    const outcome = outcomeOf(client.publish(CHANNEL, 'once'));
    await pass(30_000);
    expect(await outcome).toMatchObject({ outcome: 'accepted', receipt: { seq: 1, duplicate: true } });
    expect(payloads()).toEqual(['once']);
  });

  it('say refused when the server surely has not taken it, and whether later may be better', async () => {
    client.connect();
    await pass(100);
    peer.refuse = (frame) => (frame.type === 'publish' ? NEVER : undefined);
    const refused = outcomeOf(client.publish(CHANNEL, 1));
    await pass(100);
    expect(await refused).toMatchObject({ outcome: 'refused', retryable: false });
  });

  it('say unknown, and not refused, when an earlier sending may have been taken', async () => {
    client.connect();
    await pass(100);
    peer.answerWith = (frame) =>
      frame.type === 'publish' ? { code: 'OUTCOME_UNKNOWN', message: '', retryable: true } : undefined;
    const outcome = outcomeOf(client.publish(CHANNEL, 1));
    await pass(20);
    peer.refuse = (frame) => (frame.type === 'publish' ? NEVER : undefined);
    await pass(30_000);
    expect(await outcome).toMatchObject({ outcome: 'unknown', error: { cause: { code: NEVER.code } } });
    expect(payloads()).toEqual([1]);
  });

  it('say unknown for an unclear answer that may not be repeated', async () => {
    client.connect();
    await pass(100);
    peer.answerWith = (frame) =>
      frame.type === 'publish' ? { code: 'INTERNAL', message: '', retryable: false } : undefined;
    const outcome = outcomeOf(client.publish(CHANNEL, 1));
    await pass(100);
    expect(await outcome).toMatchObject({ outcome: 'unknown' });
  });

  it('say refused for what was never sent, and unknown for what was, when the client is closed', async () => {
    client.connect();
    await pass(100);
    peer.delayAnswer = (frame) => frame.type === 'publish';
    const sent = outcomeOf(client.publish(CHANNEL, 'sent'));
    const waiting = outcomeOf(client.publish(CHANNEL, 'behind it'));
    await pass(20);
    client.close();
    expect(await sent).toMatchObject({ outcome: 'unknown' });
    expect(await waiting).toMatchObject({ outcome: 'refused', error: { code: 'CLOSED' } });
  });
});

describe('an answer to an earlier sending', () => {
  it('on the same connection says nothing about the present one', async () => {
    client.connect();
    await pass(100);
    client.publish(CHANNEL, 'first').catch(() => undefined);
    await pass(100);
    // A is refused for now; so B, sent right behind it, is out of order. The answer to B is late: it comes when both
    // have been sent again and B is in the log.
    let refusals = 1;
    peer.refuse = (frame) =>
      frame.type === 'publish' && frame.payload === 'A' && refusals-- > 0 ? LATER : undefined;
    peer.delayAnswer = (frame) => frame.type === 'publish' && frame.payload === 'B';
    const outcomes = [outcomeOf(client.publish(CHANNEL, 'A')), outcomeOf(client.publish(CHANNEL, 'B'))];
    await pass(2_000);
    expect(payloads()).toEqual(['first', 'A', 'B']);
    peer.delayAnswer = () => false;
    peer.release();
    await pass(2_000);
    expect(await Promise.all(outcomes)).toMatchObject([{ receipt: { seq: 2 } }, { receipt: { seq: 3 } }]);
    expect(payloads()).toEqual(['first', 'A', 'B']);
  });

  it('from a connection that was given up is not heard', async () => {
    const made: SocketLike[] = [];
    client = make({ webSocket: recorded(made), pingIntervalMs: 1_000, pongTimeoutMs: 500 });
    const states: string[] = [];
    client.on('connected', () => states.push('connected'));
    client.connect();
    await pass(100);
    const late = made[0]!.onmessage!;
    const sayLate = (frame: object) => made[0]!.onmessage?.({ data: JSON.stringify(frame) });
    const outcome = outcomeOf(client.publish(CHANNEL, 'x'));
    network.silence();
    peer.ignore = (frame) => frame.type === 'connect';
    await pass(2_400);
    expect(client.state).not.toBe('connected');
    const publish = { re: 2, code: 'PERMISSION_DENIED', message: 'the old token', retryable: false };
    sayLate({ type: 'error', ...publish });
    sayLate({ type: 'connected', re: 0, limits: { maxFrameBytes: 1 }, heartbeat: { pingIntervalMs: 1 } });
    expect(client.state).not.toBe('connected');
    expect(late).not.toBe(made[0]!.onmessage);
    peer.ignore = () => false;
    await pass(60_000);
    expect(await outcome).toMatchObject({ outcome: 'accepted', receipt: { seq: 1 } });
    expect(states).toEqual(['connected', 'connected']);
  });
});

/** Sockets of the network, kept for the test. */
function recorded(made: SocketLike[]): SocketConstructor {
  const Base = network.WebSocket as unknown as new (url: string, protocols: string[]) => SocketLike;
  return class {
    constructor(url: string, protocols: string[]) {
      const socket = new Base(url, protocols);
      made.push(socket);
      // biome-ignore lint/correctness/noConstructorReturn: the socket itself is what the client must get
      return socket;
    }
  } as unknown as SocketConstructor;
}

describe('another user at the next connection', () => {
  let user = 'ada';
  beforeEach(async () => {
    user = 'ada';
    peer.userOf = () => user;
    client.connect();
    await pass(100);
  });

  /** Publishes that are on their way, and others that wait, when the connection comes back. */
  const publishOverOutage = async () => {
    peer.delayAnswer = (frame) => frame.type === 'publish';
    const sent = outcomeOf(client.publish(CHANNEL, 'sent'));
    await pass(20);
    network.reachable = false;
    network.cut();
    const waiting = outcomeOf(client.publish(CHANNEL, 'waiting'));
    const elsewhere = outcomeOf(client.publish('chat:other', 'waiting, too'));
    await pass(100);
    peer.delayAnswer = () => false;
    network.reachable = true;
    return { sent, waiting, elsewhere };
  };

  it('sends nothing in the name of somebody else, and says so', async () => {
    const { sent, waiting, elsewhere } = await publishOverOutage();
    user = 'bob';
    const asked = client.history(CHANNEL).catch(({ code }: { code: string }) => code);
    await pass(60_000);
    expect(await sent).toMatchObject({ outcome: 'unknown', error: { cause: { code: 'USER_CHANGED' } } });
    for (const outcome of [waiting, elsewhere])
      expect(await outcome).toMatchObject({
        outcome: 'refused',
        retryable: false,
        error: { code: 'USER_CHANGED' },
      });
    expect(await asked).toBe('USER_CHANGED');
    expect(payloads()).toEqual(['sent']);
    expect(peer.log('chat:other')).toEqual([]);
    expect(client.pendingPublishes).toBe(0);
  });

  it('publishes as the new user, whom the server does not know as a producer', async () => {
    await publishOverOutage();
    user = 'bob';
    await pass(60_000);
    const before = peer.received.length;
    const outcomes = ['one', 'two'].map((payload) => outcomeOf(client.publish(CHANNEL, payload)));
    await pass(1_000);
    expect(await Promise.all(outcomes)).toMatchObject([{ receipt: { seq: 2 } }, { receipt: { seq: 3 } }]);
    const stamps = peer.received
      .slice(before)
      .flatMap((frame) => (frame.type === 'publish' ? [frame.producer!] : []));
    expect(stamps).toMatchObject([
      { seq: 1, prev: 0 },
      { seq: 2, prev: 1 },
    ]);
    expect(stamps[0]!.id).toBe(stamps[1]!.id);
  });

  it('asks for nobody whether a message of somebody else is stored', async () => {
    peer.delayAnswer = (_frame, answer) => answer.type === 'stored';
    const publishing = client.publish(CHANNEL, 'kept', { stored: true });
    await pass(100);
    await publishing;
    const stored = publishing.stored.catch(({ code }: { code: string }) => code);
    network.cut();
    user = 'bob';
    await pass(5_000);
    expect(await stored).toBe('OUTCOME_UNKNOWN');
    expect(peer.received.filter(({ type }) => type === 'publish')).toHaveLength(1);
  });

  it('goes on as before when the user is the same', async () => {
    const { sent, waiting } = await publishOverOutage();
    await pass(60_000);
    expect(await sent).toMatchObject({ outcome: 'accepted' });
    expect(await waiting).toMatchObject({ outcome: 'accepted' });
  });
});
