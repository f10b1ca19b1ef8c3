/** D8: durable subscriptions with acknowledgements, through real sockets. Rule numbers are those of packages/protocol/SPEC.md. */
import { type Broker, createMemoryBroker } from '@carillon/broker';
import type { ServerFrame } from '@carillon/protocol';
import { eventually } from '@carillon/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from './running-gateway.suite.ts';

const CHANNEL = 'orders:eu';
let gateway: RunningGateway;
let peers: BarePeer[];

const start = (ackTimeoutMs: number, shared?: Broker): Promise<RunningGateway> =>
  startGateway(
    {
      CARILLON_NAMESPACES: JSON.stringify({
        orders: { durable: false, history: { maxMessages: 5 }, recoveryWindowMs: 0, ackTimeoutMs },
      }),
    },
    shared,
  );

beforeEach(async () => {
  peers = [];
  // Nothing comes again unless a test is about that.
  gateway = await start(60_000);
});

afterEach(async () => {
  for (const peer of peers) peer.socket.terminate();
  await gateway.stop();
});

async function join(user: string, { port } = gateway): Promise<BarePeer> {
  const peer = await BarePeer.join(port, user);
  peers.push(peer);
  return peer;
}

async function subscribe(peer: BarePeer, more: object = { consumer: 'billing' }, channel = CHANNEL) {
  const answer = await peer.ask({ type: 'subscribe', channels: [{ channel, ...more }] });
  return (answer as Extract<ServerFrame, { type: 'subscribed' }>).results[0]!;
}

const publish = async (peer: BarePeer, ...payloads: readonly number[]): Promise<void> => {
  for (const payload of payloads) await peer.ask({ type: 'publish', channel: CHANNEL, payload });
};
/** The gateway has it: it is delivered to all who are subscribed. */
const delivered = (peer: BarePeer, seq: number): Promise<ServerFrame> =>
  peer.until((frame) => frame.type === 'message' && frame.seq === seq);
const ack = (peer: BarePeer, epoch: string, seq: number): void =>
  peer.socket.send(JSON.stringify({ type: 'ack', id: 'ack', channel: CHANNEL, epoch, seq }));
const seqsOf = (peer: BarePeer): readonly number[] =>
  peer.frames.flatMap((frame) => (frame.type === 'message' ? [frame.seq] : []));
const errorsOf = (peer: BarePeer): readonly string[] =>
  peer.frames.flatMap((frame) => (frame.type === 'error' ? [frame.code] : []));

async function consumers() {
  const answer = await fetch(`http://127.0.0.1:${gateway.port}/v1/channels/${CHANNEL}/consumers`, {
    headers: { authorization: `Bearer ${await tokenOf('operator')}` },
  });
  return ((await answer.json()) as { consumers: readonly Record<string, unknown>[] }).consumers;
}

it('[AK1] [AK2] goes on after what was acknowledged, however the connection ended', async () => {
  const [writer, first] = [await join('writer'), await join('ada')];
  const { epoch, acked } = await subscribe(first);
  expect(acked).toEqual({ epoch, seq: 0 });
  await subscribe(writer, {});
  await publish(writer, 1, 2, 3);
  await eventually(() => seqsOf(first).length === 3, { what: 'the messages' });
  ack(first, epoch!, 2);
  await eventually(async () => (await consumers())[0]?.open === 1, { what: 'the acknowledgement is kept' });
  first.socket.terminate();
  await publish(writer, 4);
  await delivered(writer, 4);
  const second = await join('ada');
  expect(await subscribe(second)).toMatchObject({
    seq: 2,
    recovered: true,
    missed: 2,
    acked: { epoch, seq: 2 },
  });
  await eventually(() => seqsOf(second).length === 2, { what: 'what was open, and what came later' });
  expect(seqsOf(second)).toEqual([3, 4]);
});

it('[AK2] keeps consumers and users apart; a new one begins where it says', async () => {
  const [writer, ada, bob] = [await join('writer'), await join('ada'), await join('bob')];
  const { epoch } = await subscribe(writer, {});
  await publish(writer, 1, 2, 3);
  await delivered(writer, 3);
  expect(await subscribe(ada, { consumer: 'x', position: { epoch, seq: 1 } })).toMatchObject({ missed: 2 });
  expect(await subscribe(bob, { consumer: 'x' })).toMatchObject({ seq: 3 });
  ack(ada, epoch!, 3);
  await eventually(async () => (await consumers()).every(({ open }) => open === 0), {
    what: 'both are done',
  });
  expect((await consumers()).map(({ user, consumer }) => `${user} ${consumer}`).toSorted()).toEqual([
    'ada x',
    'bob x',
  ]);
});

it('[AK4] sends what stays open again, in order, and then live messages', async () => {
  await gateway.stop();
  gateway = await start(400);
  const [writer, ada] = [await join('writer'), await join('ada')];
  const { epoch } = await subscribe(ada);
  await Promise.all([publish(writer, 1), publish(writer, 2), publish(writer, 3)]);
  await eventually(() => seqsOf(ada).length >= 3, { what: 'the messages' });
  ack(ada, epoch!, 1);
  const text = (from = 0): string => seqsOf(ada).slice(from).join(' ');
  // On a busy machine all of it may come again before the acknowledgement is there, and the rest more than once.
  const again = /^(1 2 3 )+2 3/;
  await eventually(() => again.test(text()), { what: 'what is open comes again' });
  ack(ada, epoch!, 3);
  await eventually(async () => (await consumers())[0]?.open === 0, { what: 'all is acknowledged' });
  // Messages sent before the ping arrive before its answer.
  await ada.ask({ type: 'ping' });
  expect(text()).toMatch(/^(1 2 3 )+(2 3 ?)+$/);
  const before = seqsOf(ada).length;
  await publish(writer, 4);
  await delivered(ada, 4);
  expect(text(before)).toMatch(/^4( 4)*$/);
});

it('[AK3] refuses what was not delivered, and what no consumer is', async () => {
  const [writer, ada] = [await join('writer'), await join('ada')];
  const { epoch } = await subscribe(ada);
  await publish(writer, 1);
  ack(ada, epoch!, 2);
  ack(ada, 'zzzzzzzzzzzz', 1);
  ack(writer, epoch!, 1);
  const plain = await join('eve');
  await subscribe(plain, {});
  ack(plain, epoch!, 1);
  await eventually(
    () => errorsOf(ada).length === 2 && errorsOf(writer).length + errorsOf(plain).length === 2,
    {
      what: 'all refusals',
    },
  );
  expect([errorsOf(ada), errorsOf(writer), errorsOf(plain)]).toEqual([
    ['ACK_INVALID', 'ACK_INVALID'],
    ['NOT_SUBSCRIBED'],
    ['ACK_INVALID'],
  ]);
  expect(await subscribe(ada, { consumer: 'x' }, 'chat:a')).toMatchObject({
    error: { code: 'ACKS_DISABLED' },
  });
  expect(await subscribe(ada, { consumer: 'not a name' }, 'orders:b')).toMatchObject({
    error: { code: 'FRAME_INVALID' },
  });
});

it('[AK2] says what can not be given any longer, and goes on after it', async () => {
  const [writer, ada] = [await join('writer'), await join('ada')];
  const { epoch } = await subscribe(ada);
  await subscribe(writer, {});
  ada.socket.terminate();
  await publish(writer, 1, 2, 3, 4, 5, 6, 7, 8);
  await delivered(writer, 8);
  const back = await join('ada');
  expect(await subscribe(back)).toMatchObject({ recovered: false, seq: 8, acked: { epoch, seq: 8 } });
  await eventually(async () => (await consumers())[0]?.open === 0, { what: 'nothing is open' });
});

const ACK_TIMEOUT_MS = 500;

/**
 * The seqs that `peer` receives while a witness, a consumer on the same gateway that acknowledges nothing, is sent the
 * newest message three more times. Messages in flight when the acknowledgement was written have arrived by then.
 */
async function comesAgain(peer: BarePeer, witness: BarePeer, newest: number): Promise<readonly number[]> {
  const copies = (): number => seqsOf(witness).filter((seq) => seq === newest).length;
  const further = async (count: number): Promise<void> => {
    const goal = copies() + count;
    await eventually(() => copies() >= goal, { what: 'what is not acknowledged comes again' });
    await peer.ask({ type: 'ping' });
  };
  await eventually(
    async () => (await consumers()).filter(({ user, open }) => user === 'ada' && open === 0).length === 1,
    { what: 'the acknowledgement is kept' },
  );
  await further(1);
  const before = seqsOf(peer).length;
  await further(3);
  return seqsOf(peer).slice(before);
}

describe.each(['one gateway', 'two gateways'])('[AK5] a consumer with two connections on %s', (where) => {
  let broker: Broker;
  let other: RunningGateway;

  beforeEach(async () => {
    await gateway.stop();
    broker = createMemoryBroker();
    await broker.start();
    gateway = await start(ACK_TIMEOUT_MS, broker);
    other = where === 'one gateway' ? gateway : await start(ACK_TIMEOUT_MS, broker);
  });

  afterEach(async () => {
    if (other !== gateway) await other.stop();
    await gateway.stop();
    await broker.stop();
  });

  it('shares what is acknowledged: the other connection does not get it again', async () => {
    const [here, there, witness] = [await join('ada'), await join('ada', other), await join('eve', other)];
    const { epoch } = await subscribe(here);
    await subscribe(there);
    await subscribe(witness);
    await publish(here, 1, 2, 3);
    await delivered(here, 3);
    ack(here, epoch!, 3);
    expect(await comesAgain(there, witness, 3)).toEqual([]);
    expect(seqsOf(there).slice(0, 3)).toEqual([1, 2, 3]);
  });

  it('sends what none of them has acknowledged again, to both, until one of them acknowledges it', async () => {
    const [here, there, witness] = [await join('ada'), await join('ada', other), await join('eve', other)];
    const { epoch } = await subscribe(here);
    await subscribe(there);
    await subscribe(witness);
    await publish(here, 1, 2, 3);
    await delivered(here, 3);
    ack(here, epoch!, 2);
    for (const peer of [here, there])
      await eventually(() => /^(1 2 3 )+3 3/.test(seqsOf(peer).join(' ')), {
        what: 'what is open comes again',
      });
    ack(there, epoch!, 3);
    expect(await comesAgain(there, witness, 3)).toEqual([]);
    expect(await comesAgain(here, witness, 3)).toEqual([]);
  });
});
