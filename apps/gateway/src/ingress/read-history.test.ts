import { compileCapabilities } from '@carillon/auth';
import { createMemoryBroker, type HistoryEntry, type HotHistory, type Lineage } from '@carillon/broker';
import { createNamespaceResolver } from '@carillon/config';
import { expect, it } from 'vitest';
import type { Reader } from '../session/read-permission.ts';
import { ReadHistory } from './read-history.ts';

const [OLD, NEW] = ['mmmmmmmmaaaa', 'nnnnnnnnaaaa'];
const READER: Reader = {
  identity: {
    userId: 'ada',
    app: 'app',
    role: undefined,
    roles: [],
    name: undefined,
    capabilities: compileCapabilities({ '*': ['history'] }),
    sessionClaims: {},
    expiresAtMs: undefined,
    validUntilMs: undefined,
    issuedAtMs: undefined,
    tokenId: undefined,
  },
};

const entry = (epoch: string, seq: number): HistoryEntry => ({ epoch, seq, record: `${epoch}:${seq}` });

/** Five messages of an epoch that ended, of which the broker knows three until the database has spoken; two of the next one. */
class Scene {
  isFinal = false;
  waited = 0;

  get top(): Lineage {
    const lastSeq = this.isFinal ? 5 : 3;
    return { epoch: NEW, seq: 2, before: [{ epoch: OLD, lastSeq, isFinal: this.isFinal, isLossy: false }] };
  }

  readonly history: HotHistory = {
    range: async (_channel, { from, to, limit }) => ({
      top: this.top,
      entries: [entry(NEW, 1), entry(NEW, 2)].filter(({ seq }) => seq >= from && seq <= to).slice(0, limit),
    }),
    latest: async (_channel, { before = 3, limit }) => ({
      top: this.top,
      entries: [entry(NEW, 2), entry(NEW, 1)].filter(({ seq }) => seq < before).slice(0, limit),
    }),
    ended: async (_channel, { from, to, limit, descending = false }) => {
      const all = [1, 2, 3, 4, 5].filter((seq) => seq >= from && seq <= to).map((seq) => entry(OLD, seq));
      return (descending ? all.toReversed() : all).slice(0, limit);
    },
  };

  reader(): ReadHistory {
    return new ReadHistory({
      broker: { ...createMemoryBroker(), history: this.history },
      gateway: 'g',
      namespaces: createNamespaceResolver(),
      endedEpochs: {
        settled: async () => {
          this.waited++;
          this.isFinal = true;
          return this.top;
        },
      },
    });
  }
}

it('[HI1] waits for the database before it passes the end of an earlier epoch, forward and back', async () => {
  const forward = new Scene();
  const after = await forward.reader().read(READER, { channel: 'a', after: { epoch: OLD, seq: 2 } });
  expect(after.entries.map(({ record }) => record)).toEqual([
    `${OLD}:3`,
    `${OLD}:4`,
    `${OLD}:5`,
    `${NEW}:1`,
    `${NEW}:2`,
  ]);
  const back = new Scene();
  const newest = await back.reader().read(READER, { channel: 'a', limit: 4 });
  expect(newest.entries.map(({ record }) => record)).toEqual([
    `${NEW}:2`,
    `${NEW}:1`,
    `${OLD}:5`,
    `${OLD}:4`,
  ]);
  expect([forward.waited, back.waited]).toEqual([1, 1]);
});

it('does not wait for what it does not need', async () => {
  const scene = new Scene();
  const { entries } = await scene.reader().read(READER, { channel: 'a', limit: 1 });
  expect(entries.map(({ record }) => record)).toEqual([`${NEW}:2`]);
  expect(scene.waited).toBe(0);
});
