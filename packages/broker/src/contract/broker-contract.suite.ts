/**
 * Contract of every broker adapter. Each adapter's test file calls this with a way to make brokers that share one
 * installation, so that several gateways and routers can be played.
 */
import { CarillonError } from '@carillon/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countAfter, epochAfter } from '../lineage.ts';
import type { Broker, BrokerLimits, ChannelKey, FeedHandler, Publication, PublishOutcome } from '../ports.ts';
import { acquired, POLL, readLog, readRoute } from './patience.suite.ts';

export interface ContractSetup {
  /** Another process's broker of the same installation. */
  open(): Promise<Broker>;
  close(): Promise<void>;
}

/** A gateway that writes down what its feed says, and waits for it. */
class Recorder implements FeedHandler {
  readonly messages: {
    readonly channel: string;
    readonly epoch: string;
    readonly seq: number;
    readonly record: string;
  }[] = [];
  readonly stored: { readonly channel: string; readonly seq: number }[] = [];
  readonly lost: number[][] = [];
  #wake: (() => void)[] = [];

  onMessage(channel: ChannelKey, epoch: string, seq: number, record: string): void {
    this.messages.push({ channel, epoch, seq, record });
  }

  onStored(channel: ChannelKey, _epoch: string, seq: number): void {
    this.stored.push({ channel, seq });
  }

  onInterestLost(partitions: readonly number[]): void {
    this.lost.push([...partitions]);
    this.onBatchEnd();
  }

  onDataLost(): void {
    // Looked at by the tests of losses.
  }

  onConnection(): void {
    this.onBatchEnd();
  }

  onBatchEnd(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  seqs(channel?: string): readonly number[] {
    return this.messages
      .filter((message) => channel === undefined || message.channel === channel)
      .map(({ seq }) => seq);
  }
}

const KEPT = { history: { maxMessages: 100, ttlMs: 60_000 }, durable: true };
const NOT_KEPT = { history: undefined, durable: false };
const CHANNEL: ChannelKey = 'app/chat:lobby';

let counter = 0;

function message(record: string, extra: Partial<Publication> = {}): Publication {
  return { channel: CHANNEL, id: `m-${++counter}`, record, keeping: KEPT, ...extra };
}

function from(
  producer: string,
  seq: number,
  prev: number = seq - 1,
  fingerprint = seq,
): Pick<Publication, 'dedupe'> {
  return { dedupe: { kind: 'producer', producer, seq, prev, fingerprint } };
}

async function publishOne(broker: Broker, publication: Publication): Promise<PublishOutcome> {
  const [outcome] = await broker.publisher.publish([publication]);
  return outcome!;
}

function accepted(outcome: PublishOutcome): Extract<PublishOutcome, { status: 'accepted' }> {
  if (outcome.status === 'refused') throw outcome.error;
  return outcome;
}

function codeOf(outcome: PublishOutcome): string {
  return outcome.status === 'refused' ? outcome.error.code : 'accepted';
}

export function describeBrokerContract(
  name: string,
  createSetup: (limits?: Partial<BrokerLimits>) => Promise<ContractSetup>,
): void {
  describe(`broker contract: ${name}`, () => {
    let setup: ContractSetup;
    let broker: Broker;

    beforeEach(async () => {
      setup = await createSetup();
      broker = await setup.open();
    });

    afterEach(() => setup.close());

    /** Begins again with an installation of other limits. */
    const withLimits = async (limits: Partial<BrokerLimits>): Promise<Broker> => {
      await setup.close();
      setup = await createSetup(limits);
      broker = await setup.open();
      return broker;
    };

    const startFeed = async (gateway: string, of: Broker = broker) => {
      const recorder = new Recorder();
      const feed = of.feed(gateway);
      await feed.start(recorder);
      return { feed, recorder };
    };

    describe('publishing', () => {
      it('numbers the messages of a channel from 1 without gaps, in the order of the calls', async () => {
        const outcomes = await Promise.all(
          Array.from({ length: 50 }, (_, i) => publishOne(broker, message(`${i}`))),
        );
        expect(outcomes.map((outcome) => accepted(outcome).seq)).toEqual(
          Array.from({ length: 50 }, (_, i) => i + 1),
        );
        const { entries } = await broker.history.range(CHANNEL, { from: 1, to: 50, limit: 100 });
        expect(entries.map(({ record }) => record)).toEqual(Array.from({ length: 50 }, (_, i) => `${i}`));
      });

      it('keeps channels apart, each with an epoch that its messages share', async () => {
        const [a1, b1, a2] = await broker.publisher.publish([
          message('a'),
          message('b', { channel: 'app/other' }),
          message('c'),
        ]);
        expect([accepted(a1!).seq, accepted(b1!).seq, accepted(a2!).seq]).toEqual([1, 1, 2]);
        expect(accepted(a1!).epoch).toBe(accepted(a2!).epoch);
        expect(accepted(a1!).epoch).toMatch(/^[0-9a-z]{12}$/);
      });

      it('refuses with LOG_FULL at the bound and takes messages that need no log', async () => {
        const small = await withLimits({ logMaxEntries: 2 });
        const outcomes = await small.publisher.publish([message('1'), message('2'), message('3')]);
        expect(outcomes.map(codeOf)).toEqual(['accepted', 'accepted', 'LOG_FULL']);
        expect(codeOf(await publishOne(small, message('4', { keeping: { ...KEPT, durable: false } })))).toBe(
          'accepted',
        );
      });

      it('carries any text in a record', async () => {
        const record = '{"a":"\u0000\n\\n\u2028 \ud83d\udd14 \u00e4"}\n{"payload":"line\nbreak"}';
        await publishOne(broker, message(record));
        const { entries } = await broker.history.range(CHANNEL, { from: 1, to: 1, limit: 1 });
        expect(entries[0]?.record).toBe(record);
      });
    });

    describe('repeats [PU4]', () => {
      it('answers a repeat with the first result and appends nothing', async () => {
        const first = accepted(await publishOne(broker, message('x', from('p', 1))));
        const again = accepted(await publishOne(broker, message('x', from('p', 1))));
        expect(again).toEqual({ ...first, duplicate: true });
        expect((await broker.history.range(CHANNEL, { from: 1, to: 9, limit: 9 })).entries).toHaveLength(1);
      });

      it('recognises repeats within one batch', async () => {
        const outcomes = await broker.publisher.publish([
          message('x', from('p', 1)),
          message('x', from('p', 1)),
          message('y', from('p', 2)),
        ]);
        expect(outcomes.map((outcome) => [accepted(outcome).seq, accepted(outcome).duplicate])).toEqual([
          [1, false],
          [1, true],
          [2, false],
        ]);
      });

      it('refuses a message whose predecessor has not arrived, and takes both in order afterwards', async () => {
        accepted(await publishOne(broker, message('1', from('p', 1))));
        const early = await publishOne(broker, message('3', from('p', 3)));
        expect(codeOf(early)).toBe('PRODUCER_OUT_OF_ORDER');
        expect(early).toMatchObject({ error: { retryable: true, lastSeq: 1 } });
        expect(accepted(await publishOne(broker, message('2', from('p', 2)))).seq).toBe(2);
        expect(accepted(await publishOne(broker, message('3', from('p', 3)))).seq).toBe(3);
      });

      it('lets a producer skip a number that was refused: prev says what comes before', async () => {
        accepted(await publishOne(broker, message('1', from('p', 1))));
        expect(accepted(await publishOne(broker, message('3', from('p', 3, 1)))).seq).toBe(2);
      });

      it('refuses the same number with other content', async () => {
        accepted(await publishOne(broker, message('1', from('p', 1, 0, 111))));
        expect(codeOf(await publishOne(broker, message('1', from('p', 1, 0, 222))))).toBe(
          'PRODUCER_CONFLICT',
        );
      });

      it('remembers a bounded window of results', async () => {
        const small = await withLimits({ producerWindow: 4 });
        for (let seq = 1; seq <= 10; seq++)
          accepted(await publishOne(small, message(`${seq}`, from('p', seq))));
        expect(codeOf(await publishOne(small, message('6', from('p', 6))))).toBe('PRODUCER_WINDOW_PASSED');
        expect(accepted(await publishOne(small, message('7', from('p', 7)))).seq).toBe(7);
      });

      it('keeps producers and channels apart', async () => {
        const outcomes = await broker.publisher.publish([
          message('a', from('p', 1)),
          message('b', from('q', 1)),
          message('c', { ...from('p', 1), channel: 'app/other' }),
        ]);
        expect(outcomes.map((outcome) => accepted(outcome).duplicate)).toEqual([false, false, false]);
      });

      it('answers an idempotency key with the first result, and refuses it for other content', async () => {
        const keyed = (fingerprint: number): Publication =>
          message('x', { dedupe: { kind: 'key', key: 'k-1', ttlMs: 60_000, fingerprint } });
        const first = accepted(await publishOne(broker, keyed(1)));
        expect(accepted(await publishOne(broker, keyed(1)))).toEqual({ ...first, duplicate: true });
        expect(codeOf(await publishOne(broker, keyed(2)))).toBe('IDEMPOTENCY_CONFLICT');
      });

      it('gives concurrent repeats through two processes one result', async () => {
        const other = await setup.open();
        const publication = message('x', from('p', 1));
        const outcomes = await Promise.all([publishOne(broker, publication), publishOne(other, publication)]);
        expect(outcomes.map((outcome) => accepted(outcome).seq)).toEqual([1, 1]);
        expect(outcomes.filter((outcome) => accepted(outcome).duplicate)).toHaveLength(1);
      });
    });

    describe('feeds', () => {
      it('gives a gateway what is published after its subscription, in order, and nothing from before', async () => {
        accepted(await publishOne(broker, message('before')));
        const { feed, recorder } = await startFeed('g1');
        const [position] = await feed.subscribe([CHANNEL]);
        expect(position).toMatchObject({ seq: 1 });
        await broker.publisher.publish([message('after-1'), message('after-2')]);
        await recorder.until(() => recorder.messages.length >= 2);
        expect(recorder.messages.map(({ record }) => record)).toEqual(['after-1', 'after-2']);
        expect(recorder.messages[0]).toMatchObject({ channel: CHANNEL, seq: 2, epoch: position!.epoch });
        await feed.stop();
      });

      it('makes a channel that does not exist yet, at seq 0', async () => {
        const { feed } = await startFeed('g1');
        const [position] = await feed.subscribe(['app/new']);
        expect(position!.seq).toBe(0);
        expect(accepted(await publishOne(broker, message('1', { channel: 'app/new' })))).toMatchObject({
          seq: 1,
          epoch: position!.epoch,
        });
        await feed.stop();
      });

      it('[SU5] forgets a channel that nobody published on when it is left, and its position is before the first message', async () => {
        const { feed } = await startFeed('g1');
        const [empty] = await feed.subscribe(['app/new']);
        await feed.unsubscribe(['app/new']);
        expect(await feed.positions(['app/new'])).toEqual([undefined]);
        const [again] = await feed.subscribe(['app/new']);
        expect(countAfter(again!, empty!)).toBe(0);
        await feed.unsubscribe(['app/new']);
        for (const record of ['1', '2']) await publishOne(broker, message(record, { channel: 'app/new' }));
        const [later] = await feed.subscribe(['app/new']);
        expect(later).toMatchObject({ seq: 2 });
        expect(countAfter(later!, empty!)).toBe(2);
        expect(epochAfter(later!, empty!.epoch)).toBe(later!.epoch);
        expect(countAfter(later!, { ...empty!, seq: 1 })).toBeUndefined();
        await feed.unsubscribe(['app/new']);
        expect(await feed.positions(['app/new'])).toMatchObject([{ epoch: later!.epoch, seq: 2 }]);
        await feed.stop();
      });

      it('stops after unsubscribe, and for one gateway does not stop the other', async () => {
        const [one, two] = [await startFeed('g1'), await startFeed('g2', await setup.open())];
        await Promise.all([one.feed.subscribe([CHANNEL]), two.feed.subscribe([CHANNEL])]);
        await one.feed.unsubscribe([CHANNEL]);
        await publishOne(broker, message('x'));
        await two.recorder.until(() => two.recorder.messages.length === 1);
        expect(one.recorder.messages).toEqual([]);
        await Promise.all([one.feed.stop(), two.feed.stop()]);
      });

      it('answers positions, undefined for a channel that has none', async () => {
        const { feed } = await startFeed('g1');
        const { epoch } = accepted(await publishOne(broker, message('x')));
        const [position, none] = await feed.positions([CHANNEL, 'app/none']);
        expect(position).toMatchObject({ epoch, seq: 1, before: [] });
        expect(none).toBeUndefined();
        await feed.stop();
      });

      it('loses and doubles nothing while a gateway subscribes in the middle of a stream of messages', async () => {
        const { feed, recorder } = await startFeed('g1', await setup.open());
        const publishing = (async () => {
          for (let i = 0; i < 200; i++) accepted(await publishOne(broker, message(`${i}`)));
        })();
        const [position] = await feed.subscribe([CHANNEL]);
        await publishing;
        await recorder.until(() => recorder.seqs().at(-1) === 200 || position!.seq === 200);
        expect(recorder.seqs()).toEqual(
          Array.from({ length: 200 - position!.seq }, (_, i) => position!.seq + 1 + i),
        );
        await feed.stop();
      });
    });

    describe('history', () => {
      beforeEach(async () => {
        await broker.publisher.publish(Array.from({ length: 10 }, (_, i) => message(`${i + 1}`)));
      });

      it('reads forward and back, bounded', async () => {
        const forward = await broker.history.range(CHANNEL, { from: 3, to: 99, limit: 4 });
        expect(forward.entries.map(({ seq }) => seq)).toEqual([3, 4, 5, 6]);
        expect(forward.top).toMatchObject({ seq: 10 });
        const back = await broker.history.latest(CHANNEL, { limit: 3 });
        expect(back.entries.map(({ seq }) => seq)).toEqual([10, 9, 8]);
        const further = await broker.history.latest(CHANNEL, { before: 3, limit: 5 });
        expect(further.entries.map(({ seq }) => seq)).toEqual([2, 1]);
        const beyond = await broker.history.latest(CHANNEL, { before: 1000, limit: 2 });
        expect(beyond.entries.map(({ seq }) => seq)).toEqual([10, 9]);
        expect((await broker.history.latest(CHANNEL, { before: 1, limit: 5 })).entries).toEqual([]);
      });

      it('has no position for a channel without a state', async () => {
        expect(await broker.history.range('app/none', { from: 1, to: 9, limit: 9 })).toEqual({
          top: undefined,
          entries: [],
        });
      });

      it('has the position but no entries where the namespace keeps none', async () => {
        await publishOne(
          broker,
          message('x', { channel: 'app/ephemeral', keeping: { history: undefined, durable: false } }),
        );
        const page = await broker.history.latest('app/ephemeral', { limit: 5 });
        expect(page).toMatchObject({ top: { seq: 1 }, entries: [] });
      });
    });

    describe('persistence log', () => {
      it('gives each entry to one consumer, keeps it until it is committed, and tells the gateway that asked', async () => {
        const { feed, recorder } = await startFeed('g1');
        await broker.publisher.publish([message('1'), message('2', { storedTo: 'g1' })]);
        const entries = await readLog(broker, 'c1');
        expect(
          entries.map(({ record, seq, storedTo, marker }) => ({ record, seq, storedTo, marker })),
        ).toEqual([
          { record: '1', seq: 1, storedTo: undefined, marker: false },
          { record: '2', seq: 2, storedTo: 'g1', marker: false },
        ]);
        expect(await broker.log.read('c2', { count: 10, blockMs: 10 })).toEqual([]);
        await broker.log.commit(entries);
        await recorder.until(() => recorder.stored.length === 1);
        expect(recorder.stored).toEqual([{ channel: CHANNEL, seq: 2 }]);
        expect((await broker.log.backlog()).reduce((sum, { entries: n }) => sum + n, 0)).toBe(0);
        await feed.stop();
      });

      it('lets another consumer take over what a dead one had', async () => {
        await publishOne(broker, message('1'));
        const had = await readLog(broker, 'dead');
        const claim = () => broker.log.claim('alive', { minIdleMs: 0, count: 10 });
        await expect.poll(claim, POLL).toEqual(had);
        await broker.log.commit(had);
        expect(await claim()).toEqual([]);
      });

      it('asks again whether a message is stored when a repeat wants to know', async () => {
        await publishOne(broker, message('1', { ...from('p', 1), storedTo: 'g1' }));
        await publishOne(broker, message('1', { ...from('p', 1), storedTo: 'g2' }));
        const entries = await readLog(broker, 'c');
        expect(entries.map(({ seq, storedTo, marker }) => ({ seq, storedTo, marker }))).toEqual([
          { seq: 1, storedTo: 'g1', marker: false },
          { seq: 1, storedTo: 'g2', marker: true },
        ]);
      });

      it('refuses a repeat that asks for `stored` while the log is full, and takes it later', async () => {
        const small = await withLimits({ logMaxEntries: 1 });
        const repeated = { ...from('p', 1), storedTo: 'g1' };
        const first = accepted(await publishOne(small, message('1', repeated)));
        expect(codeOf(await publishOne(small, message('1', repeated)))).toBe('LOG_FULL');
        expect(accepted(await publishOne(small, message('1', from('p', 1))))).toMatchObject({
          seq: first.seq,
        });
        await small.log.commit(await readLog(small, 'c'));
        expect(accepted(await publishOne(small, message('1', repeated)))).toEqual({
          ...first,
          duplicate: true,
        });
      });

      it('wakes a waiting reader', async () => {
        const reading = broker.log.read('c', { count: 1, blockMs: 10_000 });
        await publishOne(broker, message('1'));
        expect(await reading).toHaveLength(1);
      });
    });

    describe('acknowledgements', () => {
      const at = (epoch: string, seq: number) => ({ epoch, seq });
      const BRIEF = { durable: false, gateway: 'g1' };

      it('[D8] keeps how far each consumer has got, and moves it forward only', async () => {
        const { acks } = broker;
        expect(await acks.open(CHANNEL, 'one', at('e1', 5), BRIEF)).toEqual(at('e1', 5));
        expect(await acks.open(CHANNEL, 'one', at('e1', 9), BRIEF)).toEqual(at('e1', 5));
        await acks.ack(CHANNEL, 'one', at('e1', 7), BRIEF);
        await acks.ack(CHANNEL, 'one', at('e1', 6), BRIEF);
        await acks.ack(CHANNEL, 'two', at('e1', 1), BRIEF);
        expect(await acks.open(CHANNEL, 'one', at('e1', 0), BRIEF)).toEqual(at('e1', 7));
        await acks.ack(CHANNEL, 'one', at('e2', 1), BRIEF);
        expect(await acks.open(CHANNEL, 'one', at('e1', 9), BRIEF)).toEqual(at('e2', 1));
        const list = await acks.list(CHANNEL);
        expect(list.map(({ consumer, epoch, seq }) => `${consumer} ${epoch}:${seq}`).toSorted()).toEqual([
          'one e2:1',
          'two e1:1',
        ]);
        for (const { atMs } of list) expect(Math.abs(Date.now() - atMs)).toBeLessThan(60_000);
        expect(await acks.find(CHANNEL, 'one')).toEqual(list.find(({ consumer }) => consumer === 'one'));
        expect(await acks.find(CHANNEL, 'three')).toBeUndefined();
        expect(await acks.list('app/other')).toEqual([]);
        expect(await acks.find('app/other', 'one')).toBeUndefined();
      });

      it('[D8] bounds the consumers of a channel', async () => {
        const { acks } = broker;
        const open = (n: number) => acks.open(CHANNEL, `c${n}`, at('e1', 0), BRIEF);
        for (let n = 0; n < 1000; n += 100)
          await Promise.all(Array.from({ length: 100 }, (_, i) => open(n + i)));
        await expect(open(1000)).rejects.toMatchObject({ code: 'CONSUMER_LIMIT' });
        expect(await open(7)).toEqual(at('e1', 0));
      });
    });

    describe('cold history', () => {
      it('brings a question to a worker and its answer to the asking gateway', async () => {
        const worker = await setup.open();
        const stop = new AbortController();
        const serving = worker.cold.serve(async (query) => {
          if (query.kind !== 'range') throw new Error('unexpected');
          return [{ epoch: query.epoch, seq: query.from, record: 'r' }];
        }, stop.signal);
        const { feed } = await startFeed('g1');
        // The worker may join after the question: ask until it is there, as a gateway would on the client's next try.
        const ask = () =>
          broker.cold
            .ask('g1', { kind: 'range', channel: CHANNEL, epoch: 'e', from: 7, to: 9, limit: 5 }, 500)
            .catch((error: unknown) => error);
        let answer = await ask();
        while (answer instanceof CarillonError) answer = await ask();
        expect(answer).toEqual([{ epoch: 'e', seq: 7, record: 'r' }]);
        stop.abort();
        await serving;
        await feed.stop();
      });

      it('is served until it is told to end, also when that is before it has begun', async () => {
        const stop = new AbortController();
        const serving = broker.cold.serve(async () => [], stop.signal);
        stop.abort();
        await serving;
      });

      it('gives up with HISTORY_UNAVAILABLE when nobody answers', async () => {
        const { feed } = await startFeed('g1');
        await expect(
          broker.cold.ask('g1', { kind: 'after', channel: CHANNEL, position: undefined, limit: 1 }, 50),
        ).rejects.toMatchObject({ code: 'HISTORY_UNAVAILABLE', retryable: true });
        await feed.stop();
      });
    });

    describe('leases', () => {
      it('gives a partition to one owner at a time, with a rising fence', async () => {
        const { router } = broker;
        const first = await acquired(router, 0, 'a');
        expect(await router.acquire(0, 'b', 60_000)).toBeUndefined();
        await expect.poll(async () => (await router.owners())[0], POLL).toBe('a');
        await router.release([first]);
        const second = await acquired(router, 0, 'b');
        expect(second.fence).toBeGreaterThan(first.fence);
        await expect.poll(() => router.renew([first, second], 60_000), POLL).toEqual([second]);
      });

      it('knows the live routers', async () => {
        await broker.router.announce('b', 60_000);
        expect(await broker.router.announce('a', 60_000)).toEqual(['a', 'b']);
        expect(await broker.router.announce('b', 0)).toEqual(['a']);
      });

      it('fences off an owner whose lease has passed on', async () => {
        const old = await acquired(broker.router, 0, 'a', 1);
        await acquired(broker.router, 0, 'b');
        expect(await broker.router.commit(old, '1')).toBe(false);
        expect(await broker.router.narrow(old, 1)).toEqual([]);
      });
    });

    describe('routed lane', () => {
      const leaseOf = (channel: ChannelKey) => acquired(broker.router, broker.partitionOf(channel), 'router');

      it('turns a channel wide past W, routes it, and lets only a router that has caught up turn it back', async () => {
        const [first, second] = [await withLimits({ directLaneMaxGateways: 1 }), await setup.open()];
        const [one, two] = [await startFeed('g1', first), await startFeed('g2', second)];
        const lease = await leaseOf(CHANNEL);
        await one.feed.subscribe([CHANNEL]);
        accepted(await publishOne(first, message('direct')));
        expect(await broker.router.interested(CHANNEL)).toEqual(['g1']);
        await two.feed.subscribe([CHANNEL]);
        accepted(await publishOne(first, message('wide')));
        const entries = await readRoute(broker, lease);
        expect(entries.map((entry) => (entry.kind === 'message' ? entry.record : 'interest'))).toEqual([
          'interest',
          'wide',
        ]);
        expect([...(await broker.router.interested(CHANNEL))].sort()).toEqual(['g1', 'g2']);
        await two.feed.unsubscribe([CHANNEL]);
        expect(await broker.router.narrow(lease, 1)).toEqual([]); // not routed yet
        const routed = entries.flatMap((entry) =>
          entry.kind === 'message'
            ? [{ channel: entry.channel, epoch: entry.epoch, seq: entry.seq, record: entry.record }]
            : [],
        );
        await broker.router.forward(lease.partition, new Map([['g1', routed]]));
        const rest = await readRoute(broker, lease);
        expect(await broker.router.commit(lease, rest.at(-1)!.entryId)).toBe(true);
        expect(await broker.router.narrow(lease, 1)).toEqual([CHANNEL]);
        accepted(await publishOne(first, message('direct again')));
        await one.recorder.until(() => one.recorder.messages.length === 3);
        expect(one.recorder.messages.map(({ record }) => record)).toEqual(['direct', 'wide', 'direct again']);
        await Promise.all([one.feed.stop(), two.feed.stop()]);
      });

      it('tells its backlog, which is bounded when no router is there', async () => {
        const wide = await withLimits({ directLaneMaxGateways: 0, logMaxEntries: 100 });
        const { feed } = await startFeed('g1', wide);
        await feed.subscribe([CHANNEL]);
        const backlog = async () => (await wide.router.backlog())[wide.partitionOf(CHANNEL)];
        const some = (count: number) =>
          Array.from({ length: count }, (_, i) => message(`${i}`, { keeping: NOT_KEPT }));
        await wide.publisher.publish(some(20));
        expect(await backlog()).toBe(21);
        const lease = await leaseOf(CHANNEL);
        const entries = await readRoute(wide, lease);
        await wide.router.commit(lease, entries.at(-1)!.entryId);
        expect(await backlog()).toBe(11);
        for (let i = 0; i < 10; i++) await wide.publisher.publish(some(200));
        expect(await backlog()).toBeLessThan(500);
        await feed.stop();
      });

      it('narrows the channels that are asked for, and no others', async () => {
        const wide = await withLimits({ directLaneMaxGateways: 0 });
        const { feed } = await startFeed('g1', wide);
        await feed.subscribe([CHANNEL]);
        const lease = await leaseOf(CHANNEL);
        const entries = await readRoute(wide, lease);
        await wide.router.commit(lease, entries.at(-1)!.entryId);
        expect(await wide.router.narrow(lease, 1, ['app/none'])).toEqual([]);
        expect(await wide.router.narrow(lease, 1, [CHANNEL])).toEqual([CHANNEL]);
        expect(await wide.router.narrow(lease, 1, [CHANNEL])).toEqual([]);
        await feed.stop();
      });

      it('a successor begins at the cursor: what was read and not committed is read again', async () => {
        const wide = await withLimits({ directLaneMaxGateways: 0 });
        const { feed } = await startFeed('g1', wide);
        await feed.subscribe([CHANNEL]);
        await wide.publisher.publish([message('1'), message('2')]);
        const before = await leaseOf(CHANNEL);
        const seen = await readRoute(broker, before);
        expect(seen.map((entry) => entry.kind)).toEqual(['interest', 'message', 'message']);
        await broker.router.commit(before, seen[1]!.entryId);
        const after = await leaseOf(CHANNEL);
        const again = await readRoute(broker, after);
        expect(again).toMatchObject([{ kind: 'message', record: '2' }]);
        await feed.stop();
      });
    });
  });
}
