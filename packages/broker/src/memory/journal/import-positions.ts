import type { AckCursor } from '../../ack-cursors.ts';
import type { ChannelKey } from '../../ports.ts';
import type { DedupeSnapshot } from '../dedupe.ts';
import type { Written } from './journal-entry.ts';
import { JournalStore } from './journal-store.ts';
import { type Machine, THIS_MACHINE } from './machine.ts';

/** Channel positions that 0.1 saved at a clean stop. */
export type Positions = readonly (readonly [
  ChannelKey,
  {
    readonly epoch: string;
    readonly seq: number;
    readonly usedAtMs: number;
    readonly dedupe: DedupeSnapshot;
    readonly acks?: readonly AckCursor[];
    readonly told?: number;
  },
])[];

/** Makes a journal of the positions that 0.1 has left, where there is none yet. */
export async function importPositions(
  folder: string,
  positions: Positions,
  machine: Machine = THIS_MACHINE,
): Promise<void> {
  const store = new JournalStore({ folder, fsync: 'everysec', machine }, () => undefined);
  try {
    if (store.open(() => undefined).isFound) return;
    store.start();
    await store.writeSnapshot(() => entriesOf(positions));
  } finally {
    store.close();
  }
}

function* entriesOf(positions: Positions): Generator<Written> {
  for (const [channel, { epoch, seq, usedAtMs, dedupe, acks = [], told = 0 }] of positions) {
    yield [{ type: 'channel', channel, epoch, seq, atMs: usedAtMs, told }, ''];
    yield [{ type: 'dedupe', channel, ...dedupe }, ''];
    for (const cursor of acks) yield [{ type: 'ack', channel, ...cursor }, ''];
  }
  yield [{ type: 'end', nextLog: 1 }, ''];
}
