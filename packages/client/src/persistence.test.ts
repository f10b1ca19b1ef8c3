/** A page is reloaded: what its successor sees and sends. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientEvents } from './events.ts';
import type { ItemStorage, StateOwner } from './item-storage.ts';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { RealtimeClientOptions } from './options.ts';
import { plainStorage } from './persistence.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';

const CHANNEL = 'chat:lobby';
const KEY = 'carillon';

class MemoryStorage implements ItemStorage {
  readonly items = new Map<string, string>();
  full = false;
  hide: (last: boolean) => void = () => undefined;

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.full) throw new Error('QuotaExceededError');
    this.items.set(key, value);
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
  attach(name: string, _maxAgeMs: number, owner: StateOwner) {
    this.hide = owner.save;
    return { key: name, detach: () => undefined };
  }
}

/** One life of a page: its client, and what it has seen. */
class Page {
  readonly network: MemoryNetwork;
  readonly client: RealtimeClient;
  readonly seen: unknown[] = [];
  readonly recovered: boolean[] = [];
  readonly events: { [Name in 'stateDiscarded' | 'restoredPublish' | 'error']: ClientEvents[Name][] } = {
    stateDiscarded: [],
    restoredPublish: [],
    error: [],
  };

  constructor(options: Partial<RealtimeClientOptions> = {}) {
    this.network = new MemoryNetwork(peer, () => 5);
    const { WebSocket: webSocket } = this.network;
    this.client = new RealtimeClient({
      url: 'ws://peer',
      webSocket,
      storage: plainStorage(storage),
      token: 'ada',
      ...options,
    });
    this.client.on('stateDiscarded', (event) => this.events.stateDiscarded.push(event));
    this.client.on('restoredPublish', (event) => this.events.restoredPublish.push(event));
    this.client.on('error', (event) => this.events.error.push(event));
    this.client.on('recovered', ({ recovered }) => this.recovered.push(recovered));
  }

  async open(): Promise<this> {
    this.client.subscribe(CHANNEL, ({ payload }) => this.seen.push(payload));
    this.client.connect();
    await pass(100);
    return this;
  }

  publish(...texts: readonly unknown[]): void {
    for (const text of texts) this.client.publish(CHANNEL, text).catch(() => undefined);
  }

  /** No code of it runs any more. */
  end(): void {
    this.network.reachable = false;
    this.network.cut();
    ended.push(this);
  }

  unload(): void {
    storage.hide(true);
    this.end();
  }
}

let peer: ProtocolPeer;
let storage: MemoryStorage;
let ended: Page[];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const log = () => peer.log(CHANNEL).map(({ payload }) => payload);

/** Also a page that has ended would still save in here: a real one does not. */
function reload(options: Partial<RealtimeClientOptions> = {}): Page {
  const next = new MemoryStorage();
  for (const [key, value] of storage.items) next.items.set(key, value);
  storage = next;
  return new Page(options);
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  peer = new ProtocolPeer();
  storage = new MemoryStorage();
  ended = [];
});
afterEach(() => {
  for (const { client } of ended) client.close();
  vi.useRealTimers();
});

describe('subscriptions', () => {
  it('go on after a reload without a gap and without a double', async () => {
    const before = await new Page().open();
    peer.publish(CHANNEL, 1);
    peer.publish(CHANNEL, 2);
    await pass(20);
    before.unload();
    peer.publish(CHANNEL, 3);
    peer.publish(CHANNEL, 4);
    const after = await reload().open();
    peer.publish(CHANNEL, 5);
    await pass(100);
    expect([before.seen, after.seen]).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
    expect(after.recovered).toEqual([true]);
    after.end();
  });

  it('go on over two reloads, the first of which came before anything was subscribed', async () => {
    const before = await new Page().open();
    peer.publish(CHANNEL, 1);
    await pass(20);
    before.unload();
    const between = reload();
    between.unload();
    peer.publish(CHANNEL, 2);
    const after = await reload().open();
    expect(after.seen).toEqual([2]);
    after.end();
  });

  it('begin anew where the application gives a position itself', async () => {
    const before = await new Page().open();
    for (const n of [1, 2, 3]) peer.publish(CHANNEL, n);
    await pass(20);
    before.unload();
    const after = reload();
    const seen: unknown[] = [];
    after.client.subscribe(CHANNEL, ({ payload }) => seen.push(payload), {
      position: { epoch: 'e1', seq: 1 },
    });
    after.client.connect();
    await pass(100);
    expect(seen).toEqual([2, 3]);
    after.end();
  });

  it('[PO4] leave out what is published again in a new epoch, also when it came before the reload', async () => {
    const before = await new Page().open();
    for (const n of [1, 2]) peer.publish(CHANNEL, n);
    const [, second] = peer.log(CHANNEL);
    await pass(20);
    before.unload();
    peer.newEpoch(CHANNEL, 'e2');
    const after = await reload().open();
    peer.broadcast({ ...second!, epoch: 'e2', seq: 1 });
    peer.broadcast({ ...second!, epoch: 'e2', seq: 2, id: 'new', payload: 3 });
    await pass(20);
    expect([before.seen, after.seen]).toEqual([[1, 2], [3]]);
    after.end();
  });

  it('that come long after the reload begin anew', async () => {
    const before = await new Page().open();
    peer.publish(CHANNEL, 1);
    await pass(20);
    before.unload();
    const after = reload();
    after.client.connect();
    await pass(301_000);
    peer.publish(CHANNEL, 2);
    await after.open();
    expect(after.seen).toEqual([]);
    expect(after.recovered).toEqual([]);
    after.end();
  });

  it('that were ended before the reload do not come back', async () => {
    const before = new Page();
    const subscription = before.client.subscribe(CHANNEL, () => undefined);
    before.client.connect();
    await pass(100);
    subscription.unsubscribe();
    await pass(100);
    before.unload();
    peer.publish(CHANNEL, 'missed on purpose');
    const after = await reload().open();
    expect(after.seen).toEqual([]);
    expect(after.recovered).toEqual([]);
    after.end();
  });

  it('are saved without a word from the page, shortly after each change', async () => {
    const before = await new Page().open();
    peer.publish(CHANNEL, 1);
    await pass(300);
    before.end();
    peer.publish(CHANNEL, 2);
    const after = await reload().open();
    expect(after.seen).toEqual([2]);
    after.end();
  });
});

describe('publishes', () => {
  it('that waited when the page went are sent once, in order, before new ones', async () => {
    const before = await new Page().open();
    before.publish('online');
    await pass(50);
    before.network.reachable = false;
    before.network.cut();
    before.publish('a', 'b', 'c');
    await pass(1_000);
    before.unload();
    const after = reload();
    after.publish('new');
    expect(after.client.pendingPublishes).toBe(4);
    await after.open();
    await pass(1_000);
    expect(log()).toEqual(['online', 'a', 'b', 'c', 'new']);
    expect(after.events.restoredPublish).toMatchObject(
      ['a', 'b', 'c'].map((payload) => ({
        payload,
        result: { outcome: 'accepted', receipt: { duplicate: false } },
      })),
    );
    expect(after.client.pendingPublishes).toBe(0);
    after.end();
    // Nothing is left to be sent a third time.
    const third = await reload().open();
    await pass(1_000);
    expect(log()).toHaveLength(5);
    expect(third.client.pendingPublishes).toBe(0);
    third.end();
  });

  it('whose answers the reload took get their first result', async () => {
    const before = await new Page().open();
    before.publish('first');
    await pass(50);
    peer.delayAnswer = (frame) => frame.type === 'publish';
    before.publish('a', 'b');
    await pass(50);
    expect(log()).toEqual(['first', 'a', 'b']);
    before.unload();
    peer.delayAnswer = () => false;
    const after = await reload().open();
    await pass(1_000);
    expect(log()).toEqual(['first', 'a', 'b']);
    expect(after.events.restoredPublish).toMatchObject([
      { payload: 'a', result: { outcome: 'accepted', receipt: { seq: 2, duplicate: true } } },
      { payload: 'b', result: { outcome: 'accepted', receipt: { seq: 3, duplicate: true } } },
    ]);
    after.end();
  });

  it('after a crash never reuse a stamp: the successor does not know what was sent and not saved', async () => {
    const before = await new Page().open();
    before.publish('saved');
    await pass(300);
    // Accepted, and the page dies before it is saved.
    before.publish('same text');
    await pass(50);
    before.end();
    const after = await reload().open();
    after.publish('same text');
    await pass(1_000);
    expect(log()).toEqual(['saved', 'same text', 'same text']);
    after.end();
  });

  it('in two pages that restore the same state get in once', async () => {
    const before = await new Page().open();
    before.network.reachable = false;
    before.network.cut();
    before.publish('a', 'b');
    await pass(1_000);
    before.unload();
    const [first, second] = [reload(), reload()];
    await Promise.all([first.open(), second.open()]);
    first.publish('from the first');
    second.publish('from the second');
    await pass(2_000);
    const own = log();
    expect(own.slice(0, 2)).toEqual(['a', 'b']);
    expect(new Set(own)).toEqual(new Set(['a', 'b', 'from the first', 'from the second']));
    expect(own).toHaveLength(4);
    first.end();
    second.end();
  });

  it('are not overtaken by new ones when one of them is refused for a while', async () => {
    const before = await new Page().open();
    before.network.reachable = false;
    before.network.cut();
    before.publish('a', 'b');
    await pass(1_000);
    before.unload();
    let refusals = 2;
    peer.refuse = (frame) =>
      frame.type === 'publish' && frame.payload === 'b' && refusals-- > 0
        ? { code: 'UNAVAILABLE', message: 'later', retryable: true }
        : undefined;
    const after = reload();
    after.publish('new');
    await after.open();
    await pass(20_000);
    expect(log()).toEqual(['a', 'b', 'new']);
    after.end();
  });

  it('keep their order when the first of those restored is refused for good', async () => {
    const before = await new Page().open();
    before.publish('online');
    await pass(50);
    before.network.reachable = false;
    before.network.cut();
    before.publish('a', 'b');
    await pass(1_000);
    before.unload();
    peer.refuse = (frame) =>
      frame.type === 'publish' && frame.payload === 'a'
        ? { code: 'PERMISSION_DENIED', message: 'no', retryable: false }
        : undefined;
    const after = await reload().open();
    await pass(1_000);
    expect(log()).toEqual(['online', 'b']);
    // Not even tried with another stamp.
    const stamps = peer.received.flatMap((frame) => (frame.type === 'publish' ? [frame.producer!.id] : []));
    expect(new Set(stamps).size).toBe(1);
    expect(after.events.restoredPublish.map(({ result }) => result.outcome)).toEqual(['refused', 'accepted']);
    after.end();
  });

  it('survive several reloads without a connection', async () => {
    const first = await new Page().open();
    first.publish('online');
    await pass(50);
    first.network.reachable = false;
    first.network.cut();
    first.publish('a', 'b');
    await pass(500);
    first.unload();
    const second = reload();
    second.network.reachable = false;
    await second.open();
    second.publish('c', 'd');
    await pass(500);
    second.unload();
    const third = reload();
    third.publish('e');
    await third.open();
    await pass(1_000);
    expect(log()).toEqual(['online', 'a', 'b', 'c', 'd', 'e']);
    third.end();
  });

  it('that may have been accepted are unknown when the repeat is refused', async () => {
    const before = await new Page().open();
    peer.delayAnswer = (frame) => frame.type === 'publish';
    before.publish('a');
    await pass(50);
    before.unload();
    peer.refuse = (frame) =>
      frame.type === 'publish' ? { code: 'PERMISSION_DENIED', message: 'no', retryable: false } : undefined;
    const after = await reload().open();
    expect(after.events.restoredPublish).toMatchObject([{ result: { outcome: 'unknown' } }]);
    after.end();
  });

  it('that were not sent when they were saved may have been sent before a crash', async () => {
    const before = await new Page().open();
    before.network.reachable = false;
    before.network.cut();
    before.publish('a');
    await pass(1_000);
    peer.delayAnswer = ({ type }) => type === 'publish';
    before.network.reachable = true;
    storage.full = true; // as if the page died within the time that changes are collected for
    await pass(20_000);
    expect(log()).toEqual(['a']);
    before.end();
    const after = reload();
    after.client.close();
    await pass(0);
    expect(after.events.restoredPublish).toMatchObject([{ result: { outcome: 'unknown' } }]);
  });

  it('of one user are never sent in the name of another', async () => {
    peer.userOf = (token) => token;
    const before = await new Page({ token: 'ada' }).open();
    peer.publish(CHANNEL, 'seen by ada');
    await pass(20);
    before.network.reachable = false;
    before.network.cut();
    before.publish('a secret of ada');
    await pass(1_000);
    before.unload();
    const after = await reload({ token: 'grace' }).open();
    after.publish('hello');
    await pass(1_000);
    expect(log()).toEqual(['seen by ada', 'hello']);
    expect(after.recovered).toEqual([]);
    expect(after.events.stateDiscarded).toEqual([
      {
        reason: 'other-user',
        user: 'ada',
        publishes: [{ channel: CHANNEL, payload: 'a secret of ada', event: undefined, maybeSent: false }],
        channels: [CHANNEL],
      },
    ]);
    expect(after.client.pendingPublishes).toBe(0);
    after.end();
  });

  it('that may have been sent and can never be confirmed end as unknown', async () => {
    const before = await new Page().open();
    peer.delayAnswer = (frame) => frame.type === 'publish';
    before.publish('a');
    await pass(50);
    before.unload();
    peer.delayAnswer = () => false;
    const after = reload();
    after.client.close();
    await pass(0);
    expect(after.events.restoredPublish).toMatchObject([{ payload: 'a', result: { outcome: 'unknown' } }]);
    expect(reload().client.pendingPublishes).toBe(0);
  });
});

describe('a saved state that can not be used', () => {
  async function discarded(): Promise<unknown> {
    const page = await reload().open();
    await pass(10);
    expect(storage.getItem(KEY) ?? '').not.toContain('"bad"');
    expect(page.recovered).toEqual([]);
    page.end();
    return page.events.stateDiscarded;
  }

  it('is too old: the application is told what was in it', async () => {
    const before = await new Page().open();
    peer.delayAnswer = ({ type }) => type === 'publish';
    before.publish('perhaps');
    await pass(50);
    before.network.reachable = false;
    before.network.cut();
    before.client.publish(CHANNEL, 'never', { event: 'chat.said' }).catch(() => undefined);
    await pass(50);
    before.unload();
    vi.setSystemTime(Date.now() + 301_000);
    peer.delayAnswer = () => false;
    expect(await discarded()).toEqual([
      {
        reason: 'too-old',
        user: null,
        publishes: [
          { channel: CHANNEL, payload: 'perhaps', event: undefined, maybeSent: true },
          { channel: CHANNEL, payload: 'never', event: 'chat.said', maybeSent: false },
        ],
        channels: [CHANNEL],
      },
    ]);
  });

  it('is that of an idle page only when the page is gone: a living one renews it', async () => {
    const before = await new Page().open();
    peer.publish(CHANNEL, 1);
    await pass(900_000);
    before.end(); // it crashes
    peer.publish(CHANNEL, 2);
    const after = await reload().open();
    expect(after.events.stateDiscarded).toEqual([]);
    expect(after.seen).toEqual([2]);
    after.end();
  });

  it('is from a time that this clock has not reached', async () => {
    const before = await new Page().open();
    before.unload();
    vi.setSystemTime(Date.now() - 301_000);
    expect(await discarded()).toMatchObject([{ reason: 'too-old' }]);
  });

  const whole = { version: 1, savedAtMs: 1_800_000_000_000, last: true, positions: [], queue: [] };
  const publish = { channel: 'a', members: ',"payload":1', producer: 'p-12345678', seq: 1, prev: 0 };
  it.each([
    ['no JSON', '{"bad"'],
    ['null', 'null'],
    ['no queue', JSON.stringify({ ...whole, queue: 'bad' })],
    ['a wrong position', JSON.stringify({ ...whole, positions: [{ channel: 'a', epoch: 'bad', seq: -1 }] })],
    ['a publish without a stamp', JSON.stringify({ ...whole, queue: [{ ...publish, seq: 'bad' }] })],
    [
      'a publish that would break out of its frame',
      JSON.stringify({ ...whole, queue: [{ ...publish, members: ',"payload":1},{"bad":1' }] }),
    ],
  ])('is corrupt: %s', async (_what, text) => {
    storage.items.set(KEY, text);
    expect(await discarded()).toMatchObject([{ reason: 'corrupt' }]);
  });

  it('is of another version', async () => {
    storage.items.set(KEY, JSON.stringify({ ...whole, version: 2 }));
    expect(await discarded()).toMatchObject([{ reason: 'other-version' }]);
  });
});

describe('a storage that is full', () => {
  it('is told once, and disturbs nothing', async () => {
    const page = await new Page().open();
    storage.full = true;
    page.publish(1);
    await pass(500);
    page.publish(2);
    await pass(500);
    expect(page.seen).toEqual([1, 2]);
    expect(page.events.error).toMatchObject([{ code: 'STATE_NOT_SAVED' }]);
    page.end();
  });
});

it('nothing is kept without a storage', async () => {
  const page = new Page({ storage: undefined as never });
  await page.open();
  page.publish(1);
  await pass(500);
  expect(storage.items.size).toBe(0);
  page.end();
});
