import type { BrowserPage } from './browser-page.ts';

/**
 * How long a key's owner has to let go of it, or to say that it lives: a page that is reloaded may still be ending in another process
 * when its successor begins. A duplicated tab connects this much later.
 */
const WAIT_MS = 300;

/**
 * One key of its own for as long as this page lives. By a Web Lock, which the browser takes from pages that are gone. Pages that did not come
 * by TLS have none: there the owner is asked on a BroadcastChannel, and one that does not answer is gone, or frozen.
 */
export class KeyLock {
  readonly #page: BrowserPage;
  #release: () => void = () => undefined;

  constructor(page: BrowserPage) {
    this.#page = page;
  }

  /** Resolves with whether it is this one's now. Never rejects. */
  take(key: string): Promise<boolean> {
    const { navigator, BroadcastChannel } = this.#page;
    this.release();
    if (navigator?.locks) return this.#lock(navigator.locks, key);
    return BroadcastChannel === undefined ? Promise.resolve(true) : this.#ask(new BroadcastChannel(key));
  }

  #lock(locks: NonNullable<BrowserPage['navigator']>['locks'] & object, key: string): Promise<boolean> {
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), WAIT_MS);
    this.#release = () => giveUp.abort();
    return new Promise((resolve) => {
      const hold = () => {
        clearTimeout(timer);
        resolve(true);
        return new Promise<void>((release) => {
          this.#release = release;
        });
      };
      locks.request(key, { signal: giveUp.signal }, hold).catch(() => resolve(false));
    });
  }

  #ask(line: InstanceType<BrowserPage['BroadcastChannel'] & object>): Promise<boolean> {
    // On simultaneous requests the higher number wins.
    const number = Math.random();
    let owned = false;
    return new Promise((resolve) => {
      const decide = (mine: boolean) => {
        clearTimeout(timer);
        owned = mine;
        if (!mine) line.close();
        resolve(mine);
      };
      const timer = setTimeout(() => decide(true), WAIT_MS);
      this.#release = () => decide(false);
      line.onmessage = ({ data: theirs }) => {
        if (theirs === null && !owned) decide(false);
        else if (theirs !== null && (owned || number > theirs)) line.postMessage(null);
      };
      line.postMessage(number);
    });
  }

  release(): void {
    this.#release();
    this.#release = () => undefined;
  }
}
