import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { BrowserPage } from './browser-page.ts';
import { browserStorage, pageItems } from './browser-storage.ts';
import type { StateAttachment, StateOwner } from './item-storage.ts';

const MAX_AGE_MS = 300_000;

class Items {
  readonly map: Map<string, string>;
  full = false;
  constructor(entries: Iterable<readonly [string, string]> = []) {
    this.map = new Map(entries);
  }
  get length(): number {
    return this.map.size;
  }
  key(index: number): string | null {
    return [...this.map.keys()][index] ?? null;
  }
  getItem(key: string): string | null {
    return this.map.get(key) ?? null;
  }
  setItem(key: string, value: string): void {
    if (this.full) throw new DOMException('full', 'QuotaExceededError');
    this.map.set(key, value);
  }
  removeItem(key: string): void {
    this.map.delete(key);
  }
}

/** The locks of an origin, as a browser keeps them. */
class Origin {
  readonly #held = new Map<string, object>();
  readonly #waiting = new Set<() => void>();

  locksOf(page: object): NonNullable<NonNullable<BrowserPage['navigator']>['locks']> {
    return {
      request: async (name, { signal }, hold) => {
        while (this.#held.has(name)) {
          await new Promise<void>((resolve, reject) => {
            this.#waiting.add(resolve);
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        }
        this.#held.set(name, page);
        await hold();
        this.#free(name, page);
      },
      query: async () => ({ held: [...this.#held.keys()].map((name) => ({ name })) }),
    };
  }

  /** A page is gone, however it went. */
  end(page: object): void {
    for (const [name, holder] of this.#held) if (holder === page) this.#free(name, page);
  }

  #free(name: string, page: object): void {
    if (this.#held.get(name) !== page) return;
    this.#held.delete(name);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

let origin: Origin;
let local: Items;

/** A page in a tab: `localStorage` is everybody's, `sessionStorage` the tab's. */
class FakePage extends EventTarget implements BrowserPage {
  readonly localStorage = local;
  readonly sessionStorage: Items;
  readonly document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  readonly navigator: NonNullable<BrowserPage['navigator']>;
  readonly BroadcastChannel = globalThis.BroadcastChannel as unknown as NonNullable<
    BrowserPage['BroadcastChannel']
  >;
  readonly save = vi.fn<StateOwner['save']>();
  readonly onTaken = vi.fn<StateOwner['onTaken']>();
  readonly onLeftOver = vi.fn<StateOwner['onLeftOver']>();
  readonly onFailure = vi.fn<StateOwner['onFailure']>();

  constructor(sessionStorage = new Items(), { locks = true } = {}) {
    super();
    this.sessionStorage = sessionStorage;
    this.navigator = locks ? { locks: origin.locksOf(this) } : {};
  }

  fire(name: string, members: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(name), members));
  }

  /** Attaches a client, and waits for its key. */
  attach(name = 'app'): Promise<StateAttachment & { readonly key: string }> {
    return new Promise((resolve) => {
      const onKey = (): void => resolve(attachment as StateAttachment & { readonly key: string });
      const { save, onTaken, onLeftOver, onFailure } = this;
      const owner = { save, onTaken, onLeftOver, onFailure, onKey };
      const attachment = pageItems(this).attach!(name, MAX_AGE_MS, owner);
      if (attachment.key !== undefined) onKey();
    });
  }

  /** The tab goes on after this page. */
  next(): FakePage {
    origin.end(this);
    return new FakePage(this.sessionStorage);
  }

  /** A tab that is duplicated begins with a copy. */
  copy(): FakePage {
    return new FakePage(new Items(this.sessionStorage.map));
  }
}

beforeEach(() => {
  origin = new Origin();
  local = new Items();
});

describe('the key of a tab', () => {
  it('is that of its predecessor after a reload', async () => {
    const page = new FakePage();
    const { key } = await page.attach();
    page.fire('pagehide');
    expect((await page.next().attach()).key).toBe(key);
  });

  it('is that of its predecessor after a crash, of which no page hears', async () => {
    const page = new FakePage();
    const { key } = await page.attach();
    expect((await page.next().attach()).key).toBe(key);
  });

  it('is its own, also when the tab is a copy of another one', async () => {
    const page = new FakePage();
    const { key } = await page.attach();
    const other = await new FakePage().attach();
    const copiedPage = page.copy();
    const copy = await copiedPage.attach();
    expect(new Set([key, other.key, copy.key]).size).toBe(3);
    page.fire('pagehide');
    origin.end(page);
    // It does not fall back to the key of the tab that it was a copy of.
    expect((await copiedPage.next().attach()).key).toBe(copy.key);
  });

  it('goes to one of two copies whose page has ended', async () => {
    const page = new FakePage();
    const { key } = await page.attach();
    const copied = page.copy();
    page.fire('pagehide');
    const keys = await Promise.all([page.next(), copied].map((next) => next.attach()));
    expect(keys.map((attachment) => attachment.key)).toContain(key);
    expect(new Set(keys.map((attachment) => attachment.key)).size).toBe(2);
  });

  it('waits for a predecessor that ends a moment later', async () => {
    const page = new FakePage();
    const { key } = await page.attach();
    const successor = new FakePage(page.sessionStorage).attach();
    origin.end(page);
    expect((await successor).key).toBe(key);
  });

  it('is one of its own for each of two clients, and after a reload the same one in the same order', async () => {
    const page = new FakePage();
    const keys = [(await page.attach()).key, (await page.attach()).key];
    page.fire('pagehide');
    const next = page.next();
    const after = await Promise.all([next.attach(), next.attach()]);
    expect(after.map(({ key }) => key)).toEqual(keys);
  });

  it('has the name of the state', async () => {
    expect((await new FakePage().attach('one')).key).toMatch(/^one:/);
    expect((await new FakePage().attach('two')).key).toMatch(/^two:/);
  });

  it('is free again when the client is closed', async () => {
    const page = new FakePage();
    const attachment = await page.attach();
    attachment.detach();
    expect((await page.attach()).key).toBe(attachment.key);
    page.fire('pagehide');
    expect(page.save).toHaveBeenCalledTimes(1);
  });

  it('is given up while it is not known yet', async () => {
    const page = new FakePage();
    const { key } = await page.attach();
    const next = page.next();
    const onKey = vi.fn();
    const { save, onTaken, onLeftOver, onFailure } = next;
    pageItems(next).attach!('app', MAX_AGE_MS, { save, onTaken, onLeftOver, onFailure, onKey }).detach();
    expect((await next.attach()).key).toBe(key);
    expect(onKey).not.toHaveBeenCalled();
  });

  it('is new where the list of keys is not one', async () => {
    const page = new FakePage(new Items([['app', '{"broken']]));
    expect((await page.attach()).key).toMatch(/^app:/);
  });
});

describe('without locks, as in a page that did not come by TLS', () => {
  const OPTIONS = { locks: false };
  let pages: StateAttachment[] = [];
  const attach = async (page: FakePage) => {
    const attachment = await page.attach();
    pages.push(attachment);
    return attachment;
  };
  afterEach(() => {
    for (const page of pages) page.detach();
    pages = [];
  });

  it('the owner of a key says that it lives', async () => {
    const tab = new Items();
    const { key } = await attach(new FakePage(tab, OPTIONS));
    const reloaded = new FakePage(tab, OPTIONS);
    pages.pop()!.detach();
    expect((await attach(reloaded)).key).toBe(key);
    const copied = await attach(new FakePage(new Items(tab.map), OPTIONS));
    expect(copied.key).not.toBe(key);
  });

  it('who was asleep when asked moves on when it sees that its key has another owner', async () => {
    const page = new FakePage(new Items(), OPTIONS);
    const attachment = await attach(page);
    const { key } = attachment;
    page.fire('storage', { key, newValue: '{}' });
    expect(attachment.key).not.toBe(key);
    expect(page.onTaken).toHaveBeenCalledOnce();
  });
});

describe('a page', () => {
  it('saves when it goes, and when it may go', async () => {
    const page = new FakePage();
    await page.attach();
    page.document.dispatchEvent(new Event('visibilitychange'));
    expect(page.save).not.toHaveBeenCalled();
    page.document.visibilityState = 'hidden';
    page.document.dispatchEvent(new Event('visibilitychange'));
    page.fire('pagehide');
    expect(page.save.mock.calls).toEqual([[false], [true]]);
  });

  it('takes its key again when the browser brings it back', async () => {
    const page = new FakePage();
    const attachment = await page.attach();
    const { key } = attachment;
    page.fire('pagehide', { persisted: true });
    page.fire('pageshow', { persisted: true });
    await vi.waitFor(() => expect(attachment.key).toBe(key));
    expect(page.onTaken).not.toHaveBeenCalled();
    expect((await page.copy().attach()).key).not.toBe(key);
  });

  it('takes another one when somebody has it meanwhile', async () => {
    const page = new FakePage();
    const attachment = await page.attach();
    const { key } = attachment;
    page.fire('pagehide', { persisted: true });
    expect((await new FakePage(page.sessionStorage).attach()).key).toBe(key);
    page.fire('pageshow', { persisted: true });
    await vi.waitFor(() => expect(page.onTaken).toHaveBeenCalledOnce());
    expect(attachment.key).not.toBe(key);
  });

  it('takes another one when somebody had it meanwhile', async () => {
    const page = new FakePage();
    const attachment = await page.attach();
    const { key } = attachment;
    page.fire('pagehide', { persisted: true });
    local.setItem(key, 'what another page has done meanwhile');
    page.fire('pageshow', { persisted: true });
    expect(attachment.key).not.toBe(key);
    expect(page.onTaken).toHaveBeenCalledOnce();
  });
});

describe('what tabs that never came back have left', () => {
  it('is removed and told, and nothing else is', async () => {
    const old = JSON.stringify({ savedAtMs: Date.now() - MAX_AGE_MS - 1_000 });
    local.setItem('app:old', old);
    local.setItem('app:new', JSON.stringify({ savedAtMs: Date.now() }));
    local.setItem('other', 'x');
    const page = new FakePage();
    await page.attach();
    await vi.waitFor(() => expect([...local.map.keys()]).toEqual(['app:new', 'other']));
    expect(page.onLeftOver.mock.calls).toEqual([[old]]);
  });

  it('is not what a tab has that lives and sleeps', async () => {
    const sleeping = new FakePage();
    const { key } = await sleeping.attach();
    local.setItem(key, JSON.stringify({ savedAtMs: Date.now() - MAX_AGE_MS - 1_000 }));
    local.setItem('app:gone', '{"savedAtMs":1}');
    await new FakePage().attach();
    await vi.waitFor(() => expect(local.map.has('app:gone')).toBe(false));
    expect(local.map.has(key)).toBe(true);
  });
});

describe('a page that may not keep anything', () => {
  it.each([
    [
      'because the user forbids it',
      {
        get localStorage(): never {
          throw new DOMException('The operation is insecure.', 'SecurityError');
        },
      },
    ],
    ['as in a WebView of Android', { localStorage: null, sessionStorage: null }],
    ['as in a WebView that has one of two', { localStorage: new Items(), sessionStorage: null }],
  ])('keeps nothing, and says so: %s', (_why, page) => {
    const items = pageItems(page as never);
    expect(items.getItem('app')).toBeNull();
    expect(() => items.setItem('app', 'x')).toThrow(/may not keep anything/);
  });

  it('says when its sessionStorage is full', async () => {
    const page = new FakePage();
    page.sessionStorage.full = true;
    const attachment = await page.attach();
    expect(page.onFailure).toHaveBeenCalledOnce();
    attachment.detach();
  });
});

it('browserStorage() needs a page', () => {
  expect(() => browserStorage({} as never)).toThrow(/needs a page/);
});
