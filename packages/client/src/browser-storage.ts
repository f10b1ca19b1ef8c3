import type { StateAttachment, StateStorage } from './state-storage.ts';

/** The parts of a page that {@link browserStorage} uses. */
export interface BrowserPage {
  readonly localStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly document?: { readonly visibilityState: string } & EventTargetLike;
  addEventListener(name: string, listener: (event: object) => void): void;
  removeEventListener(name: string, listener: (event: object) => void): void;
}

interface Storage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

interface EventTargetLike {
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}

/**
 * State in `localStorage`, each tab with a key of its own. The keys that are free stand in `sessionStorage`, which a reload keeps:
 * a living page takes its key out of the list and puts it back when it goes. So a tab that is duplicated, with a copy of
 * the list, does not find the key of the page that still lives.
 * @throws TypeError when there is no page, e.g. in Node
 */
export function browserStorage(page: BrowserPage = globalThis as unknown as BrowserPage): StateStorage {
  let local: BrowserPage['localStorage'];
  try {
    local = page.localStorage;
    void page.sessionStorage;
  } catch (cause) {
    return forbidden(cause);
  }
  if (local === undefined) throw new TypeError('browserStorage() needs a page with localStorage');
  return {
    getItem: (key) => local.getItem(key),
    setItem: (key, value) => local.setItem(key, value),
    removeItem: (key) => local.removeItem(key),
    attach: (name, maxAgeMs, save) => attach(page, name, maxAgeMs, save),
  };
}

/** The user does not let this site keep anything: the client works, and says with an event that its state is not saved. */
function forbidden(cause: unknown): StateStorage {
  return {
    getItem: () => null,
    setItem: () => {
      throw new Error('This page may not keep anything', { cause });
    },
    removeItem: () => undefined,
  };
}

function attach(
  page: BrowserPage,
  name: string,
  maxAgeMs: number,
  save: (last: boolean) => void,
): StateAttachment {
  const { localStorage, sessionStorage, document } = page;
  removeOld(localStorage, `${name}:`, maxAgeMs);
  let key = claim(sessionStorage, name);
  const giveBack = () =>
    sessionStorage.setItem(name, JSON.stringify([...freeKeys(sessionStorage, name), key]));
  const onPageHide = () => {
    save(true);
    giveBack();
  };
  // The page came back from the browser's cache, alive as it was.
  const onPageShow = (event: { readonly persisted?: boolean }) => {
    if (!event.persisted) return;
    key = claim(sessionStorage, name, key);
    save(false);
  };
  const onVisibility = () => {
    if (document?.visibilityState === 'hidden') save(false);
  };
  page.addEventListener('pagehide', onPageHide);
  page.addEventListener('pageshow', onPageShow);
  document?.addEventListener('visibilitychange', onVisibility);
  return {
    get key() {
      return key;
    },
    detach: () => {
      page.removeEventListener('pagehide', onPageHide);
      page.removeEventListener('pageshow', onPageShow);
      document?.removeEventListener('visibilitychange', onVisibility);
      giveBack();
    },
  };
}

function freeKeys(session: BrowserPage['sessionStorage'], name: string): readonly string[] {
  try {
    const keys: unknown = JSON.parse(session.getItem(name) ?? '[]');
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string' && key.startsWith(name)) : [];
  } catch {
    return []; // written by something else: as good as nothing
  }
}

/** Takes `wanted`, or the oldest free key, out of the list; a new one when there is none. */
function claim(session: BrowserPage['sessionStorage'], name: string, wanted?: string): string {
  const free = freeKeys(session, name);
  const key = wanted === undefined ? free[0] : free.find((candidate) => candidate === wanted);
  if (key === undefined) return `${name}:${crypto.getRandomValues(new Uint32Array(3)).join('-')}`;
  session.setItem(name, JSON.stringify(free.filter((candidate) => candidate !== key)));
  return key;
}

/** What tabs that never came back have left. */
function removeOld(local: BrowserPage['localStorage'], prefix: string, maxAgeMs: number): void {
  const keys = Array.from({ length: local.length }, (_, index) => local.key(index));
  for (const key of keys) {
    if (!key?.startsWith(prefix)) continue;
    const [, savedAtMs = '0'] = /"savedAtMs":(\d+)/.exec(local.getItem(key) ?? '') ?? [];
    if (Date.now() - Number(savedAtMs) > maxAgeMs) local.removeItem(key);
  }
}
