import type { BrowserPage, PageEvent } from './browser-page.ts';
import type { ItemStorage, StateAttachment, StateOwner } from './item-storage.ts';
import { plainStorage } from './persistence.ts';
import type { StateStorage } from './state-storage.ts';
import { ownKeys, TabKeys } from './tab-keys.ts';

/**
 * State in `localStorage`, each tab with a key of its own, which a reload, a crash and a discarded tab keep; see {@link TabKeys}. Where the
 * user or the browser forbids a page to keep anything the client works, and says with an event that its state is not saved.
 * @throws TypeError when there is no page, e.g. in Node
 */
export function browserStorage(page: BrowserPage = globalThis as unknown as BrowserPage): StateStorage {
  return plainStorage(pageItems(page));
}

export function pageItems(page: BrowserPage): ItemStorage {
  let local: BrowserPage['localStorage'] | null | undefined;
  try {
    local = page.localStorage;
    // Some browsers, e.g. Android's WebView, give null instead of an error.
    if (local !== undefined && (local === null || page.sessionStorage === null)) return forbidden(undefined);
  } catch (cause) {
    return forbidden(cause);
  }
  if (local === undefined) throw new TypeError('browserStorage() needs a page with localStorage');
  const items = local;
  return {
    getItem: (key) => items.getItem(key),
    setItem: (key, value) => items.setItem(key, value),
    removeItem: (key) => items.removeItem(key),
    attach: (name, maxAgeMs, owner) => new PageAttachment(page, name, maxAgeMs, owner),
  };
}

function forbidden(cause: unknown): ItemStorage {
  return {
    getItem: () => null,
    setItem: () => {
      throw new Error('This page may not keep anything', { cause });
    },
    removeItem: () => undefined,
  };
}

/** The state of one client, and the life of its page. */
class PageAttachment implements StateAttachment {
  readonly #page: BrowserPage;
  readonly #keys: TabKeys;
  readonly #owner: StateOwner;
  key: string | undefined;
  /** When the page went into the browser's cache, and what it left then. */
  #hidden: { readonly atMs: number; readonly text: string | null } | undefined;

  constructor(page: BrowserPage, name: string, maxAgeMs: number, owner: StateOwner) {
    this.#page = page;
    this.#owner = owner;
    this.#keys = new TabKeys(page, name, (cause) => owner.onFailure(cause));
    this.#claim();
    page.addEventListener('pagehide', this.#onPageHide);
    page.addEventListener('pageshow', this.#onPageShow);
    page.addEventListener('storage', this.#onStorage);
    page.document?.addEventListener('visibilitychange', this.#onVisibility);
    void removeLeftOvers(page, `${name}:`, maxAgeMs, owner);
  }

  detach(): void {
    const page = this.#page;
    page.removeEventListener('pagehide', this.#onPageHide);
    page.removeEventListener('pageshow', this.#onPageShow);
    page.removeEventListener('storage', this.#onStorage);
    page.document?.removeEventListener('visibilitychange', this.#onVisibility);
    this.#keys.release();
  }

  #claim(): void {
    this.key = this.#keys.claim((key) => {
      this.key = key;
      this.#owner.onKey();
    });
  }

  /** A page that holds a lock does not get into the browser's cache. */
  readonly #onPageHide = (): void => {
    this.#owner.save(true);
    const text = this.key === undefined ? null : this.#page.localStorage.getItem(this.key);
    this.#hidden = { atMs: Date.now(), text };
    this.#keys.release();
  };

  /** The page came back from the browser's cache, alive as it was. Another one may have taken up its state meanwhile. */
  readonly #onPageShow = ({ persisted }: PageEvent): void => {
    const hidden = this.#hidden;
    if (!persisted || hidden === undefined) return;
    this.#hidden = undefined;
    const { key } = this;
    if (key === undefined) this.#claim();
    else if (this.#page.localStorage.getItem(key) !== hidden.text) this.#move(key, hidden.atMs);
    else {
      this.key = undefined;
      void this.#keys.retake(key, (retaken) => {
        this.key = retaken;
        if (retaken !== key) this.#owner.onTaken(hidden.atMs);
        this.#owner.save(false);
      });
    }
  };

  /** Only pages without locks can find two owners of a key: the other one did not answer in time, e.g. because it was frozen. */
  readonly #onStorage = ({ key, newValue }: PageEvent): void => {
    if (this.#page.navigator?.locks || !newValue || key !== this.key || !key) return;
    this.#move(key, Date.now());
  };

  #move(key: string, sinceMs: number): void {
    this.key = this.#keys.replace(key);
    this.#owner.onTaken(sinceMs);
    this.#owner.save(false);
  }

  readonly #onVisibility = (): void => {
    if (this.#page.document?.visibilityState === 'hidden') this.#owner.save(false);
  };
}

/**
 * Removes states of tabs that never came back. Live tabs renew theirs; with Web Locks, sleeping tabs are recognised,
 * too.
 */
async function removeLeftOvers(
  page: BrowserPage,
  prefix: string,
  maxAgeMs: number,
  owner: StateOwner,
): Promise<void> {
  const { localStorage: local, navigator } = page;
  const held = await navigator?.locks?.query().catch(() => undefined);
  const living = new Set([...ownKeys(page), ...(held?.held ?? []).map(({ name }) => name)]);
  const keys = Array.from({ length: local.length }, (_, index) => local.key(index));
  for (const key of keys) {
    if (!key?.startsWith(prefix) || living.has(key)) continue;
    const text = local.getItem(key) ?? '';
    const [, savedAtMs = '0'] = /"savedAtMs":(\d+)/.exec(text) ?? [];
    if (Date.now() - Number(savedAtMs) <= maxAgeMs) continue;
    local.removeItem(key);
    owner.onLeftOver(text);
  }
}
