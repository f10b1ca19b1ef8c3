/**
 * Random publishes, repeats, subscriptions and routing, against a model that is small enough to be believed. Runs on every adapter,
 * like the contract suite.
 */
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Broker, BrokerLimits, ChannelKey, Dedupe, FeedHandler, GatewayFeed, Lease } from '../ports.ts';
import type { ContractSetup } from './broker-contract.suite.ts';

const WINDOW = 3;
const HISTORY = 5;
const LIMITS = { directLaneMaxGateways: 1, producerWindow: WINDOW };
const KEEPING = { history: { maxMessages: HISTORY, ttlMs: 60_000 }, durable: false };
const SETTLE_TIMEOUT_MS = 20_000;

type Step =
  | { readonly kind: 'publish'; readonly channel: ChannelKey; readonly count: number }
  /** `back` 0: the producer's next number; 1: its last one again; and so on. */
  | {
      readonly kind: 'produce';
      readonly channel: ChannelKey;
      readonly producer: string;
      readonly back: number;
      readonly otherContent: boolean;
      readonly wrongPrev: boolean;
    }
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly channel: ChannelKey; readonly gateway: string }
  | { readonly kind: 'route' };

const channel = fc.constantFrom<ChannelKey>('app/a', 'app/b');
const gateway = fc.constantFrom('g1', 'g2', 'g3');
const sometimes = fc.integer({ min: 0, max: 3 }).map((n) => n === 0);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      channel,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('produce' as const),
      channel,
      producer: fc.constantFrom('p', 'q'),
      back: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(WINDOW + 1) }),
      otherContent: sometimes,
      wrongPrev: sometimes,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), channel, gateway }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unsubscribe' as const), channel, gateway }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('route' as const) }) },
);

/** Accepted messages of a producer on a channel: seq of the channel by the producer's own number. */
type Producer = Map<number, number>;

class ModelGateway implements FeedHandler {
  readonly feed: GatewayFeed;
  /** Open subscriptions: position at the start, and what came since. */
  readonly open = new Map<ChannelKey, { readonly from: number; readonly seqs: number[] }>();

  constructor(feed: GatewayFeed) {
    this.feed = feed;
  }

  onMessage(name: ChannelKey, _epoch: string, seq: number): void {
    const subscription = this.open.get(name);
    // Late ones of a subscription that was given up are below the position of the next one.
    if (subscription !== undefined && seq > subscription.from) subscription.seqs.push(seq);
  }

  onStored(): void {
    // nobody asks for it here
  }

  onBatchEnd(): void {
    // each message is looked at by itself
  }

  onDataLost(): void {
    // Looked at by the tests of losses.
  }

  onConnection(): void {
    // stays up
  }

  onInterestLost(): void {
    throw new Error('interest was lost');
  }
}

/** One run: the broker and the model side by side. */
class Run {
  readonly #broker: Broker;
  readonly #leases: readonly Lease[];
  readonly #records = new Map<ChannelKey, string[]>();
  readonly #producers = new Map<string, Producer>();
  readonly #gateways = new Map<string, ModelGateway>();
  #counter = 0;

  constructor(broker: Broker, leases: readonly Lease[]) {
    this.#broker = broker;
    this.#leases = leases;
  }

  async do(step: Step): Promise<void> {
    switch (step.kind) {
      case 'publish':
        for (let i = 0; i < step.count; i++)
          expect(await this.#publish(step.channel)).toMatchObject(this.#accept(step.channel));
        return;
      case 'produce':
        return await this.#produce(step);
      case 'subscribe':
        return await this.#subscribe(step.gateway, step.channel);
      case 'unsubscribe':
        this.#gateways.get(step.gateway)?.open.delete(step.channel);
        return await this.#gateways.get(step.gateway)?.feed.unsubscribe([step.channel]);
      case 'route':
        await this.#route();
    }
  }

  /** Everything is delivered exactly once and in order, and history ends with the newest. */
  async check(): Promise<void> {
    const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS;
    while (!this.#isSettled() && performance.now() < deadlineMs) {
      await this.#route();
      await pause(1);
    }
    for (const { open } of this.#gateways.values())
      for (const [name, { from, seqs }] of open) {
        const { length } = this.#recordsOf(name);
        expect(seqs).toEqual(Array.from({ length: length - from }, (_, i) => from + 1 + i));
      }
    for (const [name, records] of this.#records) {
      const { top, entries } = await this.#broker.history.latest(name, { limit: HISTORY });
      // Without messages there is nothing that a channel has to be known for.
      expect(top?.seq ?? 0).toBe(records.length);
      expect(entries.map(({ record }) => record)).toEqual(records.slice(-HISTORY).toReversed());
    }
  }

  async stop(): Promise<void> {
    for (const { feed } of this.#gateways.values()) await feed.stop();
  }

  #isSettled(): boolean {
    return [...this.#gateways.values()].every(({ open }) =>
      [...open].every(([name, { from, seqs }]) => (seqs.at(-1) ?? from) === this.#recordsOf(name).length),
    );
  }

  #recordsOf(name: ChannelKey): string[] {
    const records = this.#records.get(name) ?? [];
    this.#records.set(name, records);
    return records;
  }

  #accept(name: ChannelKey): {
    readonly status: 'accepted';
    readonly seq: number;
    readonly duplicate: boolean;
  } {
    const records = this.#recordsOf(name);
    records.push(`r${this.#counter}`);
    return { status: 'accepted', seq: records.length, duplicate: false };
  }

  async #publish(name: ChannelKey, dedupe?: Dedupe): Promise<unknown> {
    const n = ++this.#counter;
    const publication = { channel: name, id: `m${n}`, record: `r${n}`, keeping: KEEPING };
    const [outcome] = await this.#broker.publisher.publish([
      dedupe === undefined ? publication : { ...publication, dedupe },
    ]);
    return outcome;
  }

  async #produce(step: Extract<Step, { kind: 'produce' }>): Promise<void> {
    const key = `${step.channel}|${step.producer}`;
    const producer = this.#producers.get(key) ?? new Map<number, number>();
    this.#producers.set(key, producer);
    const last = Math.max(0, ...producer.keys());
    const seq = Math.max(1, last + 1 - step.back);
    const fingerprint = step.otherContent ? -1 : seq;
    const prev = step.wrongPrev ? seq + 5 : seq - 1;
    const outcome = await this.#publish(step.channel, {
      kind: 'producer',
      producer: step.producer,
      seq,
      prev,
      fingerprint,
    });
    expect(outcome).toMatchObject(this.#expected(step, producer, last, seq, fingerprint));
  }

  #expected(
    { channel: name, wrongPrev }: Extract<Step, { kind: 'produce' }>,
    producer: Producer,
    last: number,
    seq: number,
    fingerprint: number,
  ): object {
    const refused = (code: string) => ({ status: 'refused', error: { code } });
    if (seq > last) {
      if (wrongPrev && last > 0) return refused('PRODUCER_OUT_OF_ORDER');
      const accepted = this.#accept(name);
      producer.set(seq, fingerprint === seq ? accepted.seq : -accepted.seq);
      return accepted;
    }
    const first = producer.get(seq)!;
    if (seq <= last - WINDOW) return refused('PRODUCER_WINDOW_PASSED');
    // The sign says with which content it came first.
    if ((fingerprint === seq) !== first > 0) return refused('PRODUCER_CONFLICT');
    return { status: 'accepted', seq: Math.abs(first), duplicate: true };
  }

  async #subscribe(name: string, to: ChannelKey): Promise<void> {
    let known = this.#gateways.get(name);
    if (known === undefined) {
      known = new ModelGateway(this.#broker.feed(name));
      this.#gateways.set(name, known);
      await known.feed.start(known);
    }
    const [position] = await known.feed.subscribe([to]);
    expect(position?.seq).toBe(this.#recordsOf(to).length);
    // Idempotent: a subscription that is open goes on.
    if (!known.open.has(to)) known.open.set(to, { from: position!.seq, seqs: [] });
  }

  /** One round of a router. */
  async #route(): Promise<void> {
    const { router } = this.#broker;
    const entries = await router.read(this.#leases, { count: 1, blockMs: 1 });
    for (const entry of entries) {
      if (entry.kind !== 'message') continue;
      const { partition, channel: name, epoch, seq, record } = entry;
      const message = { channel: name, epoch, seq, record };
      const gateways = await router.interested(name);
      await router.forward(partition, new Map(gateways.map((one) => [one, [message]])));
    }
    for (const lease of this.#leases) {
      const last = entries.findLast(({ partition }) => partition === lease.partition);
      if (last !== undefined) expect(await router.commit(lease, last.entryId)).toBe(true);
      await router.narrow(lease, LIMITS.directLaneMaxGateways);
    }
  }
}

export function describeBrokerModel(
  name: string,
  createSetup: (limits?: Partial<BrokerLimits>) => Promise<ContractSetup>,
  options: { readonly runs: number },
): void {
  it(`${name} does what the model does`, { timeout: 300_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (steps) => {
        const setup = await createSetup(LIMITS);
        const broker = await setup.open();
        const leases = await Promise.all(
          Array.from({ length: broker.partitions }, (_, partition) =>
            broker.router.acquire(partition, 'router', 60_000),
          ),
        );
        const run = new Run(
          broker,
          leases.filter((lease) => lease !== undefined),
        );
        try {
          for (const one of steps) await run.do(one);
          await run.check();
          await run.stop();
        } finally {
          await setup.close();
        }
      }),
      { numRuns: options.runs },
    );
  });
}
