import { pino } from 'pino';
import { expect, it } from 'vitest';
import { PendingReads } from './pending-reads.ts';

const logger = pino({ level: 'silent' });

/** A source that answers when the test says so. */
class Source {
  readonly partition = 0;
  readonly waiting: ((read: readonly string[] | Error) => void)[] = [];

  readonly read = (): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      this.waiting.push((read) => (read instanceof Error ? reject(read) : resolve(read)));
    });

  answer(...read: readonly string[]): void {
    this.waiting.shift()!(read);
  }
}

it('gives what comes first, and keeps what comes later for the next call', async () => {
  const [a, b] = [new Source(), new Source()];
  const reads = new PendingReads<string, string>(logger);
  const sources = new Map([
    ['a', a],
    ['b', b],
  ]);
  const first = reads.take(sources, 1000);
  a.answer('a1');
  expect(await first).toEqual(['a1']);
  b.answer('b1', 'b2');
  await Promise.resolve();
  expect(await reads.take(sources, 1000)).toEqual(['b1', 'b2']);
  // One read of each is under way: none was begun anew while one waited, or while something was there to be taken.
  expect([a.waiting.length, b.waiting.length]).toEqual([1, 0]);
});

it('a source that fails is tried again, and the others go on', async () => {
  const [a, b] = [new Source(), new Source()];
  const reads = new PendingReads<string, string>(logger);
  const sources = new Map([
    ['a', a],
    ['b', b],
  ]);
  const first = reads.take(sources, 1000);
  a.waiting.shift()!(new Error('away'));
  b.answer('b1');
  expect(await first).toEqual(['b1']);
  for (;;) {
    const next = reads.take(sources, 50);
    if (a.waiting.length > 0) {
      a.answer('a1');
      expect(await next).toEqual(['a1']);
      break;
    }
    await next;
  }
});

it('forgets what is no longer asked for', async () => {
  const [a, b] = [new Source(), new Source()];
  const reads = new PendingReads<string, string>(logger);
  const first = reads.take(
    new Map([
      ['lease 1', a],
      ['other', b],
    ]),
    1000,
  );
  b.answer('b1');
  await first;
  const second = reads.take(
    new Map([
      ['lease 2', a],
      ['other', b],
    ]),
    1000,
  );
  a.answer('read under lease 1');
  a.answer('read under lease 2');
  expect(await second).toEqual(['read under lease 2']);
});
