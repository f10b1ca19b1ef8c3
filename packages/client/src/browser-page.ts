/** The parts of a page that `browserStorage()` uses. */
export interface BrowserPage {
  readonly localStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem' | 'key' | 'length'>;
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly document?: { readonly visibilityState: string } & EventTargetLike;
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: new (name: string) => Line;
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

interface Locks {
  request(name: string, options: { signal: AbortSignal }, hold: () => Promise<void>): Promise<unknown>;
  query(): Promise<{ readonly held?: readonly { readonly name?: string }[] }>;
}

interface Line {
  onmessage: ((event: { readonly data: number | null }) => void) | null;
  postMessage(data: number | null): void;
  close(): void;
}

export interface PageEvent {
  /** Of `pageshow`. */
  readonly persisted?: boolean;
  /** Of `storage`. */
  readonly key?: string | null;
  readonly newValue?: string | null;
}

interface EventTargetLike {
  addEventListener(name: string, listener: () => void): void;
  removeEventListener(name: string, listener: () => void): void;
}
