/** Snapshots of the journal: with the log behind them they give the state that the process had, whenever the crash comes. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeEpoch } from '../../epoch.ts';
import { DEFAULT_LIMITS } from '../../limits.ts';
import type { ChannelKey, Publication } from '../../ports.ts';
import { MemoryAcks } from '../memory-acks.ts';
import { MemoryFeed } from '../memory-feed.ts';
import { MemoryPublisher } from '../memory-publisher.ts';
import { MemoryReconciliation } from '../memory-reconciliation.ts';
import { MemoryState } from '../memory-state.ts';
import { JournalStore } from './journal-store.ts';
import { Replay } from './replay.ts';
import { snapshotEntries } from './snapshot.ts';

let base: string;
let folder: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'carillon-snapshot-'));
  folder = join(base, 'journal');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

let copies = 0;

/** Files that the next process finds when this one is killed now: all that was written to the operating system. */
function killed(path = folder): string {
  const copy = join(base, `copy-${++copies}`);
  cpSync(path, copy, { recursive: true });
  return copy;
}

const ignore = (): void => undefined;

describe('snapshots', () => {
  type Step =
    | {
        readonly kind: 'publish';
        readonly channel: ChannelKey;
        readonly by: number;
        readonly durable: boolean;
      }
    | { readonly kind: 'ack'; readonly channel: ChannelKey; readonly seq: number }
    | { readonly kind: 'store'; readonly count: number }
    | { readonly kind: 'snapshot' | 'turn' | 'raise' }
    | { readonly kind: 'seal' | 'extend'; readonly channel: ChannelKey }
    | { readonly kind: 'settle'; readonly partition: number; readonly hasLoss: boolean };

  const channel = fc.constantFrom<ChannelKey>('app/a', 'app/b', 'app/c');
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('publish' as const),
        channel,
        by: fc.nat(3),
        durable: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('ack' as const), channel, seq: fc.nat(20) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('store' as const), count: fc.nat(5) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('snapshot' as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('turn' as const, 'raise' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('seal' as const, 'extend' as const), channel }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('settle' as const),
        partition: fc.nat(3),
        hasLoss: fc.boolean(),
      }),
    },
  );

  /** The parts of a broker that a journal is about. */
  class Process {
    readonly state: MemoryState;
    readonly acks: MemoryAcks;
    readonly store: JournalStore;
    readonly publisher: MemoryPublisher;
    readonly reconciliation: MemoryReconciliation;

    constructor(path: string) {
      this.store = new JournalStore({ folder: path, fsync: 'everysec', snapshotChunkChars: 100 }, ignore);
      this.state = new MemoryState(4, DEFAULT_LIMITS, this.store.writer);
      this.acks = new MemoryAcks(this.store.writer);
      const replay = new Replay(this.state, this.acks);
      this.store.open(replay.apply);
      replay.finish();
      this.publisher = new MemoryPublisher(this.state);
      const publish = (some: readonly Publication[]) => this.publisher.publish(some);
      this.reconciliation = new MemoryReconciliation({ state: this.state, publish });
    }

    /** Everything that is to outlive it. */
    contents(): unknown {
      const channels = [...this.state.channels()].map(
        ({ key, epoch, seq, told, usedAtMs, history, dedupe, ended, places }) => [
          key,
          {
            ...{ epoch, seq, told, usedAtMs, history: history.entries(), dedupe: dedupe.snapshot() },
            ended: ended.map((one) => ({ ...one, history: one.history.entries() })),
            places: places?.all() ?? [],
          },
        ],
      );
      const uncommitted = this.state.log
        .uncommitted()
        .map(([number, { channel: key, seq, record }]) => [number, key, seq, record]);
      const sorted = (entries: readonly (readonly unknown[])[]) =>
        entries.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));
      return {
        channels: sorted(channels as [string, unknown][]),
        acks: [...this.acks.cursors()],
        uncommitted: sorted(uncommitted),
        next: this.state.log.nextNumber,
        generation: this.state.generation.snapshot(),
      };
    }
  }

  class Player {
    readonly process: Process;
    readonly #seqs = new Map<string, number>();
    #snapshot: Promise<void> | undefined;
    #n = 0;

    constructor(path: string) {
      this.process = new Process(path);
    }

    async play(steps: readonly Step[]): Promise<void> {
      for (const one of steps) await this.#play(one);
      this.process.store.writer.flush();
    }

    async end(): Promise<void> {
      await this.#snapshot;
      this.process.store.writer.close();
    }

    async #play(one: Step): Promise<void> {
      const { state, acks, store } = this.process;
      if (one.kind === 'publish') this.#publish(one);
      else if (one.kind === 'ack') await acks.ack(one.channel, 'c', { epoch: 'e', seq: one.seq });
      else if (one.kind === 'store')
        await state.log.commit(await state.log.read('w', { count: one.count, blockMs: 0 }));
      else if (one.kind === 'turn') await nextTurn();
      else if (one.kind === 'raise') this.#raise();
      else if (one.kind === 'seal') await new MemoryFeed('g', state).seal([one.channel]);
      else if (one.kind === 'settle') await this.#settle(one.partition, one.hasLoss);
      else if (one.kind === 'extend') await this.#extend(one.channel);
      else this.#snapshot ??= this.#write(store);
    }

    /** At a start, when no snapshot is under way. */
    #raise(): void {
      const { state } = this.process;
      if (this.#snapshot !== undefined) return;
      const atMs = Date.now();
      const generation = state.generation.number + 1;
      const entry = {
        type: 'raised',
        generation,
        atMs,
        keptUpToMs: atMs - 5,
        epoch: makeEpoch(atMs),
      } as const;
      state.raise(entry);
      state.journal.append(entry);
    }

    async #partition(partition: number) {
      const { reconciliation } = this.process;
      return (await reconciliation.unsettled()).find((one) => one.partition === partition);
    }

    async #settle(number: number, hasLoss: boolean): Promise<void> {
      const partition = await this.#partition(number);
      if (partition !== undefined) await this.process.reconciliation.settle(partition, hasLoss);
    }

    async #extend(key: ChannelKey): Promise<void> {
      const { state, reconciliation } = this.process;
      const partition = await this.#partition(state.partitionOf(key));
      const ended = state.find(key)?.ended.at(-1);
      if (partition === undefined || ended === undefined) return;
      const messages = [{ id: `lost ${++this.#n}`, seq: ended.lastSeq + 1 }];
      await reconciliation.extend(partition, { channel: key, epoch: ended.epoch, messages });
    }

    async #write(store: JournalStore): Promise<void> {
      await store.writeSnapshot(() => snapshotEntries(this.process.state, this.process.acks));
      this.#snapshot = undefined;
    }

    #publish({ channel: key, by, durable }: Extract<Step, { kind: 'publish' }>): void {
      const name = `${key} ${by}`;
      const seq = (this.#seqs.get(name) ?? 0) + 1;
      this.#seqs.set(name, seq);
      const record = `${key} ${by} ${++this.#n}`;
      const dedupe =
        by === 0
          ? ({ kind: 'key', key: record, ttlMs: 60_000, fingerprint: 1 } as const)
          : ({ kind: 'producer', producer: `p${by}`, seq, prev: seq - 1, fingerprint: 1 } as const);
      const keeping = { history: { maxMessages: 5, ttlMs: 60_000 }, durable };
      this.process.publisher.send({ channel: key, id: record, record, keeping, dedupe }, ignore);
    }
  }

  it('together with the log behind them give the same state, whenever the crash comes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.array(step, { maxLength: 20 }),
        async (first, second) => {
          const path = mkdtempSync(join(base, 'run-'));
          const player = new Player(path);
          await player.play(first);
          const crashed = new Player(killed(path));
          expect(crashed.process.contents()).toEqual(player.process.contents());
          await crashed.end();
          await player.play(second);
          await player.end();
          const again = new Process(path);
          expect(again.contents()).toEqual(player.process.contents());
          again.store.writer.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  it('that are not whole are not taken for one', async () => {
    const player = new Player(folder);
    await player.play([{ kind: 'publish', channel: 'app/a', by: 1, durable: true }]);
    const contents = player.process.contents();
    writeFileSync(join(folder, '0000000002.snapshot.new'), 'half');
    const other = new Process(killed());
    expect(other.contents()).toEqual(contents);
    other.store.writer.close();
    await player.end();
  });
});
