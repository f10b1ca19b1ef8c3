import type { BrowserPage } from './browser-page.ts';
import { KeyLock } from './key-lock.ts';

const OWN_KEYS = new WeakMap<BrowserPage, Set<string>>();

/** Keys that clients of this very page have, or are about to have: no need to ask for them. At most one for each client. */
export function ownKeys(page: BrowserPage): Set<string> {
  const keys = OWN_KEYS.get(page) ?? new Set();
  OWN_KEYS.set(page, keys);
  return keys;
}

/**
 * The keys of a tab's states: a list in `sessionStorage`, which outlives reloads, crashes and a browser that is killed, and which a
 * duplicated tab gets a copy of. A key is a client's while it holds the lock of that name: the browser takes locks from pages that are gone,
 * however they went. Each page writes only under keys whose locks it holds.
 */
export class TabKeys {
  readonly #session: BrowserPage['sessionStorage'];
  readonly #name: string;
  readonly #lock: KeyLock;
  readonly #own: Set<string>;
  readonly #onFailure: (cause: unknown) => void;
  #wanted: string | undefined;

  constructor(page: BrowserPage, name: string, onFailure: (cause: unknown) => void) {
    this.#session = page.sessionStorage;
    this.#name = name;
    this.#onFailure = onFailure;
    this.#lock = new KeyLock(page);
    this.#own = ownKeys(page);
  }

  /**
   * Takes the first key of the tab, or, when somebody alive has that, a new one in its place. Without a key in the list a new one is
   * there at once; else `onKey` says it.
   */
  claim(onKey: (key: string) => void): string | undefined {
    const candidate = this.#list().find((key) => !this.#own.has(key));
    if (candidate === undefined) return this.#makeKey(undefined);
    void this.retake(candidate, onKey);
    return undefined;
  }

  /** Takes this key, or a new one in its place when somebody alive has it. Says nothing when it is released before. */
  async retake(key: string, onKey: (key: string) => void): Promise<void> {
    this.#wanted = key;
    this.#own.add(key);
    const taken = await this.#lock.take(key);
    if (this.#wanted === key) onKey(taken ? key : this.replace(key));
  }

  /** @param taken somebody else's, whose place in the list the new one gets: so each client of a page finds its own key again */
  #makeKey(taken: string | undefined): string {
    const key = `${this.#name}:${crypto.getRandomValues(new Uint32Array(3)).join('-')}`;
    const list = this.#list();
    const at = taken === undefined ? -1 : list.indexOf(taken);
    list.splice(at < 0 ? list.length : at, at < 0 ? 0 : 1, key);
    try {
      this.#session.setItem(this.#name, JSON.stringify(list));
    } catch (cause) {
      this.#onFailure(cause); // full: the successor of this page will not find its state
    }
    this.#wanted = key;
    this.#own.add(key);
    void this.#lock.take(key);
    return key;
  }

  /** Another key, because this one is somebody else's now. */
  replace(key: string): string {
    this.release();
    return this.#makeKey(key);
  }

  release(): void {
    if (this.#wanted !== undefined) this.#own.delete(this.#wanted);
    this.#wanted = undefined;
    this.#lock.release();
  }

  #list(): string[] {
    try {
      const keys: unknown = JSON.parse(this.#session.getItem(this.#name) ?? '[]');
      if (Array.isArray(keys))
        return keys.filter((key) => typeof key === 'string' && key.startsWith(`${this.#name}:`));
    } catch {
      // Written by something else: as good as nothing.
    }
    return [];
  }
}
