import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type BrowserPage, browserStorage } from './browser-storage.ts';

const MAX_AGE_MS = 300_000;

class Items {
  readonly map: Map<string, string>;
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
    this.map.set(key, value);
  }
  removeItem(key: string): void {
    this.map.delete(key);
  }
}

/** A page in a tab: `localStorage` is everybody's, `sessionStorage` the tab's. */
class FakePage extends EventTarget implements BrowserPage {
  readonly localStorage: Items;
  readonly sessionStorage: Items;
  readonly document = Object.assign(new EventTarget(), { visibilityState: 'visible' });

  constructor(localStorage: Items, sessionStorage: Items) {
    super();
    this.localStorage = localStorage;
    this.sessionStorage = sessionStorage;
  }
  fire(name: string, members: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(name), members));
  }
}

let local: Items;
let page: FakePage;
const save = vi.fn<(last: boolean) => void>();

const attach = (to: FakePage, name = 'app') => browserStorage(to).attach!(name, MAX_AGE_MS, save);

beforeEach(() => {
  save.mockClear();
  local = new Items();
  page = new FakePage(local, new Items());
});

describe('browserStorage', () => {
  it('gives a reloaded page the key of its predecessor', () => {
    const { key } = attach(page);
    page.fire('pagehide');
    expect(attach(new FakePage(local, page.sessionStorage)).key).toBe(key);
  });

  it('gives two tabs two keys, also when one is a copy of the other', () => {
    const { key } = attach(page);
    const other = attach(new FakePage(local, new Items()));
    const copy = attach(new FakePage(local, new Items(page.sessionStorage.map)));
    expect(new Set([key, other.key, copy.key]).size).toBe(3);
  });

  it('gives two clients of one page two keys, and after a reload the same ones in the same order', () => {
    const keys = [attach(page).key, attach(page).key];
    page.fire('pagehide');
    const next = new FakePage(local, page.sessionStorage);
    expect([attach(next).key, attach(next).key]).toEqual(keys);
  });

  it('keeps names apart', () => {
    expect(attach(page, 'one').key).toMatch(/^one:/);
    expect(attach(page, 'two').key).toMatch(/^two:/);
  });

  it('saves when the page goes, and when it may go', () => {
    attach(page);
    page.document.dispatchEvent(new Event('visibilitychange'));
    expect(save).not.toHaveBeenCalled();
    page.document.visibilityState = 'hidden';
    page.document.dispatchEvent(new Event('visibilitychange'));
    page.fire('pagehide');
    expect(save.mock.calls).toEqual([[false], [true]]);
  });

  it('takes its key again when the browser brings the page back', () => {
    const attachment = attach(page);
    const { key } = attachment;
    page.fire('pagehide', { persisted: true });
    page.fire('pageshow', { persisted: true });
    expect(attachment.key).toBe(key);
    expect(attach(new FakePage(local, page.sessionStorage)).key).not.toBe(key);
  });

  it('takes another one when somebody has it meanwhile', () => {
    const attachment = attach(page);
    const { key } = attachment;
    page.fire('pagehide', { persisted: true });
    expect(attach(new FakePage(local, page.sessionStorage)).key).toBe(key);
    page.fire('pageshow', { persisted: true });
    expect(attachment.key).not.toBe(key);
  });

  it('gives the key back when the client is closed', () => {
    const attachment = attach(page);
    attachment.detach();
    expect(attach(page).key).toBe(attachment.key);
    page.fire('pagehide');
    expect(save).toHaveBeenCalledTimes(1);
  });

  it('removes what tabs that never came back have left, and nothing else', () => {
    local.setItem('app:old', JSON.stringify({ savedAtMs: Date.now() - MAX_AGE_MS - 1_000 }));
    local.setItem('app:new', JSON.stringify({ savedAtMs: Date.now() }));
    local.setItem('other', 'x');
    attach(page);
    expect([...local.map.keys()]).toEqual(['app:new', 'other']);
  });

  it('survives a list of keys that is not one', () => {
    page.sessionStorage.setItem('app', '{"broken');
    expect(attach(page).key).toMatch(/^app:/);
  });

  it('keeps nothing, and says so, where the user forbids it', () => {
    const closed = {
      get localStorage(): never {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      },
    };
    const storage = browserStorage(closed as never);
    expect(storage.getItem('app')).toBeNull();
    expect(() => storage.setItem('app', 'x')).toThrow(/may not keep anything/);
  });

  it('needs a page', () => {
    expect(() => browserStorage({} as never)).toThrow(/needs a page/);
  });
});
