import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientEvents } from './events.ts';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { Message } from './message.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';
import type { Subscription } from './subscription.ts';

const CHANNEL = 'orders:eu';

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;
let subscription: Subscription;
let seen: Message[];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const marks = () => seen.map(({ payload, redelivered }) => (redelivered ? `${payload} again` : payload));
const acks = () => peer.received.flatMap((frame) => (frame.type === 'ack' ? [frame.seq] : []));

beforeEach(async () => {
  vi.useFakeTimers();
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  seen = [];
  client = new RealtimeClient({ url: 'ws://peer', webSocket: network.WebSocket, random: () => 0.5 });
  subscription = client.subscribe(CHANNEL, (message) => seen.push(message), { consumer: 'billing' });
  client.connect();
  await pass(100);
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('a durable subscription', () => {
  it('[AK3] tells the server what is dealt with', async () => {
    for (const n of [1, 2, 3]) peer.publish(CHANNEL, n);
    await pass(50);
    subscription.ack(seen[1]!);
    subscription.ack(seen[0]!); // behind it: nothing to say
    await pass(50);
    expect(acks()).toEqual([2]);
    expect(peer.acked(CHANNEL)).toEqual({ epoch: 'e1', seq: 2 });
  });

  it('[AK4] hands over again what is open, marked, in order, and then what is new', async () => {
    for (const n of [1, 2, 3]) peer.publish(CHANNEL, n);
    await pass(50);
    subscription.ack(seen[0]!);
    await pass(50);
    peer.redeliver(CHANNEL);
    peer.publish(CHANNEL, 4);
    await pass(50);
    expect(marks()).toEqual([1, 2, 3, '2 again', '3 again', 4]);
  });

  it('does not hand over again what was acknowledged meanwhile', async () => {
    for (const n of [1, 2, 3]) peer.publish(CHANNEL, n);
    await pass(50);
    peer.redeliver(CHANNEL); // on its way when 1 and 2 are acknowledged
    subscription.ack(seen[1]!);
    await pass(50);
    expect(marks()).toEqual([1, 2, 3, '3 again']);
  });

  it('[AK2] goes on after what is acknowledged when it comes back', async () => {
    for (const n of [1, 2, 3]) peer.publish(CHANNEL, n);
    await pass(50);
    subscription.ack(seen[0]!);
    await pass(50);
    network.cut();
    peer.publish(CHANNEL, 4);
    await pass(5_000);
    expect(marks()).toEqual([1, 2, 3, '2 again', '3 again', 4]);
  });

  it('says later what was acknowledged while the connection was away', async () => {
    for (const n of [1, 2, 3]) peer.publish(CHANNEL, n);
    await pass(50);
    network.cut();
    subscription.ack(seen[2]!);
    peer.publish(CHANNEL, 4);
    await pass(5_000);
    expect(peer.acked(CHANNEL)).toEqual({ epoch: 'e1', seq: 3 });
    expect(marks()).toEqual([1, 2, 3, 4]);
  });

  it('[AK1] shares its consumer with all handlers of the channel', () => {
    expect(() => client.subscribe(CHANNEL, () => undefined)).toThrow(/has the consumer billing/);
  });

  it('tells an acknowledgement that the server refuses', async () => {
    const errors: string[] = [];
    client.on('error', ({ code }) => errors.push(code));
    peer.refuse = ({ type }) =>
      type === 'ack' ? { code: 'ACK_INVALID', message: 'not delivered', retryable: false } : undefined;
    subscription.ack({ epoch: 'e1', seq: 99 });
    await pass(50);
    expect(errors).toEqual(['ACK_INVALID']);
  });
});

describe('a server without its broker', () => {
  it('[DG1] says so, once, also when it was so at connect', async () => {
    const events: boolean[] = [];
    client.on('degraded', ({ degraded }) => events.push(degraded));
    for (const degraded of [true, true, false]) peer.broadcast({ type: 'status', degraded, timestamp: 0 });
    await pass(50);
    expect(events).toEqual([true, false]);
    peer.degraded = true;
    network.cut();
    await pass(5_000);
    peer.degraded = false;
    network.cut();
    await pass(5_000);
    expect(events).toEqual([true, false, true, false]);
  });

  it('[DG3] does not remember what it took meanwhile: the next message names the one before', async () => {
    await Promise.all([client.publish('cursor:a', 1), pass(50)]);
    peer.degraded = true;
    const alone = client.publish('cursor:a', 2);
    await pass(50);
    expect(await alone).toMatchObject({ degraded: true });
    peer.degraded = false;
    peer.received.length = 0;
    const [receipt] = await Promise.all([client.publish('cursor:a', 3), pass(5_000)]);
    expect(receipt).toMatchObject({ seq: 2, degraded: false });
    const sent = peer.received.filter(({ type }) => type === 'publish');
    expect(sent).toMatchObject([{ producer: { seq: 3, prev: 1 } }]);
  });
});

describe('a notice to everybody', () => {
  it('[CH7] is an event, and a message where its channel is subscribed to', async () => {
    const notices: ClientEvents['notification'][] = [];
    client.on('notification', (event) => notices.push(event));
    const notice = (seq: number) =>
      peer.broadcast({
        type: 'message',
        version: 1,
        channel: '#system',
        epoch: 'e1',
        seq,
        id: `n${seq}`,
        timestamp: 0,
        event: 'SystemNotification',
        payload: { level: 'warning', text: 'Back in five minutes' },
      });
    notice(1);
    await pass(50);
    expect(notices).toMatchObject([{ payload: { level: 'warning' } }]);
    const messages: Message[] = [];
    client.subscribe('#system', (message) => messages.push(message));
    await pass(50);
    peer.publish('#system', 'x');
    await pass(50);
    expect(messages).toHaveLength(1);
    expect(notices).toHaveLength(1);
  });
});

it('[CH6] the session is the same over reconnects', async () => {
  network.cut();
  await pass(5_000);
  const sessions = peer.received.flatMap((frame) => (frame.type === 'connect' ? [frame.session] : []));
  expect(sessions).toEqual([client.session, client.session]);
  expect(client.session).toMatch(/^[A-Za-z0-9_-]{16,64}$/);
});
