import type { Position } from '@carillon/protocol';
import type { ChannelKey } from '../ports.ts';
import { WakeUp } from './wake-up.ts';

export type RouteItem = { readonly id: number } & (
  | ({ readonly kind: 'message'; readonly channel: ChannelKey; readonly record: string } & Position)
  | { readonly kind: 'interest'; readonly channel: ChannelKey }
);

type NewItem = RouteItem extends infer Item ? (Item extends RouteItem ? Omit<Item, 'id'> : never) : never;

/** A partition's stream of what the router has work with, and the cursor up to which that is done. */
export class RouteStream {
  readonly wakeUp = new WakeUp();
  readonly wide = new Set<ChannelKey>();
  #items: RouteItem[] = [];
  #nextId = 1;
  cursor = 0;
  lease: { owner: string; fence: number; expiresAt: number } | undefined;
  fence = 0;

  append(item: NewItem): number {
    const id = this.#nextId++;
    this.#items.push({ ...item, id } as RouteItem);
    this.wakeUp.notify();
    return id;
  }

  after(id: number, count: number): readonly RouteItem[] {
    const first = this.#items[0];
    if (first === undefined) return [];
    const start = Math.max(0, id - first.id + 1);
    return this.#items.slice(start, start + count);
  }

  moveCursor(id: number): void {
    this.cursor = Math.max(this.cursor, id);
    const first = this.#items[0];
    if (first !== undefined) this.#items.splice(0, Math.max(0, this.cursor - first.id + 1));
  }
}
