import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareOf, sharePartitions } from './share-partitions.ts';

const lease = (partition: number) => ({ partition, owner: 'a', fence: 1 });

describe('a fair share', () => {
  it('adds up to all partitions, and differs by one at most', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 64 }),
        (live, partitions) => {
          const shares = live.map((name) => shareOf(name, live, partitions));
          expect(shares.reduce((sum, share) => sum + share, 0)).toBe(partitions);
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('takes free partitions up to the share and no more', () => {
    const decision = sharePartitions({
      self: 'a',
      live: ['a', 'b'],
      owners: [undefined, undefined, undefined, undefined],
      held: [],
    });
    expect(decision.acquire).toHaveLength(2);
    expect(decision).toMatchObject({ release: [], settled: true });
  });

  it('gives back what is above the share when another router joins', () => {
    const held = [0, 1, 2, 3].map(lease);
    const owners = ['a', 'a', 'a', 'a'];
    const { release, acquire } = sharePartitions({ self: 'a', live: ['a', 'b'], owners, held });
    expect(release).toHaveLength(2);
    expect(acquire).toEqual([]);
  });

  it('keeps looking while another router still holds what it should have', () => {
    const decision = sharePartitions({ self: 'b', live: ['a', 'b'], owners: ['a', 'a'], held: [] });
    expect(decision).toEqual({ release: [], acquire: [], settled: false });
  });

  it('takes up again what the broker says is its own', () => {
    const decision = sharePartitions({ self: 'a', live: ['a'], owners: ['a', 'a'], held: [lease(1)] });
    expect(decision.acquire).toEqual([0]);
  });
});

type Event = { readonly kind: 'join' | 'leave' | 'crash'; readonly router: string };

/** Routers and a broker, round by round. A crashed router is gone when its lease and its announcement have run out. */
class Cluster {
  readonly owners: (string | undefined)[];
  readonly live = new Set<string>();
  moves = 0;

  constructor(partitions: number) {
    this.owners = Array.from({ length: partitions }, () => undefined);
  }

  apply({ kind, router }: Event): void {
    if (kind === 'join') this.live.add(router);
    else {
      this.live.delete(router);
      for (const [partition, owner] of this.owners.entries())
        if (owner === router) this.owners[partition] = undefined;
    }
  }

  round(router: string): void {
    const held = this.owners.flatMap((owner, partition) =>
      owner === router ? [{ partition, owner, fence: 1 }] : [],
    );
    const live = [...this.live];
    const { release, acquire } = sharePartitions({ self: router, live, owners: [...this.owners], held });
    for (const { partition } of release) this.owners[partition] = undefined;
    for (const partition of acquire) {
      if (this.owners[partition] !== undefined) throw new Error('took what was not free');
      this.owners[partition] = router;
    }
    this.moves += release.length + acquire.length;
  }

  roundOfAll(): void {
    for (const router of this.live) this.round(router);
  }
}

const events = fc.array(
  fc.record<Event>({
    kind: fc.constantFrom('join', 'leave', 'crash'),
    router: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  }),
  { maxLength: 20 },
);

it('whoever comes and goes: two rounds later all partitions are held in fair shares, and stay where they are', () => {
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 32 }), (happening, partitions) => {
      const cluster = new Cluster(partitions);
      cluster.apply({ kind: 'join', router: 'z' });
      for (const event of happening) {
        cluster.apply(event);
        cluster.roundOfAll();
      }
      cluster.roundOfAll();
      cluster.roundOfAll();
      const live = [...cluster.live];
      for (const router of live)
        expect(cluster.owners.filter((owner) => owner === router)).toHaveLength(
          shareOf(router, live, partitions),
        );
      const movesBefore = cluster.moves;
      cluster.roundOfAll();
      expect(cluster.moves).toBe(movesBefore);
    }),
  );
});
