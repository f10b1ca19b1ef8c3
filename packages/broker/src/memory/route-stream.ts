import type { Position } from '@carillon/protocol';
import type { ChannelKey } from '../ports.ts';
import { Fifo } from './fifo.ts';

export type RouteItem = { readonly id: number } & (
  | ({ readonly kind: 'message'; readonly channel: ChannelKey; readonly record: string } & Position)
  | { readonly kind: 'interest'; readonly channel: ChannelKey }
);

type NewItem = RouteItem extends infer Item ? (Item extends RouteItem ? Omit<Item, 'id'> : never) : never;

/** A partition's stream of what the router has work with, and the cursor up to which that is done. */
export class RouteStream {
  readonly wide = new Set<ChannelKey>();
  readonly #items = new Fifo<RouteItem>();
  readonly #maxItems: number;
  readonly #onAppend: () => void;
  #nextId = 1;
  cursor = 0;
  lease: { owner: string; fence: number; expiresAtMs: number } | undefined;
  fence = 0;

  constructor(maxItems: number, onAppend: () => void) {
    this.#maxItems = maxItems;
    this.#onAppend = onAppend;
  }

  /** Items after the cursor. */
  get length(): number {
    return this.#items.length;
  }

  append(item: NewItem): number {
    const id = this.#nextId++;
    // Without a router nobody takes anything out. What is dropped, the gateways heal from history.
    if (this.#items.length >= this.#maxItems) this.#items.drop(1);
    this.#items.push({ ...item, id } as RouteItem);
    this.#onAppend();
    return id;
  }

  after(id: number, count: number): readonly RouteItem[] {
    const start = Math.max(0, id - this.#firstId() + 1);
    return this.#items.slice(start, start + count);
  }

  moveCursor(id: number): void {
    this.cursor = Math.max(this.cursor, id);
    this.#items.drop(this.cursor - this.#firstId() + 1);
  }

  #firstId(): number {
    return this.#items.at(0)?.id ?? this.#nextId;
  }
}
