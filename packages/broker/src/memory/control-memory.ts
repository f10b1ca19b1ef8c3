import {
  FORGET_NODE_MS,
  MAX_NODES,
  type NodeDirectory,
  type NodeDirectoryPage,
  type NodeIdentity,
  type NodeQuery,
} from '../control.ts';

interface Listed extends NodeIdentity {
  readonly status: string;
  readonly seenMs: number;
}

/** The nodes of one process. At most MAX_NODES. */
export class MemoryNodeDirectory implements NodeDirectory {
  readonly #nodes = new Map<string, Listed>();

  async announce(identity: NodeIdentity, status: string): Promise<boolean> {
    this.#forget();
    if (!this.#nodes.has(identity.node) && this.#nodes.size >= MAX_NODES) return false;
    this.#nodes.set(identity.node, { ...identity, status, seenMs: performance.now() });
    return true;
  }

  async list({ service, after = '', limit }: NodeQuery): Promise<NodeDirectoryPage> {
    this.#forget();
    const found = [...this.#nodes.values()]
      .filter((one) => one.node > after && (service === undefined || one.service === service))
      .toSorted((a, b) => (a.node < b.node ? -1 : 1));
    const nowMs = performance.now();
    const entries = found.slice(0, limit).map(({ seenMs, ...entry }) => {
      const silentMs = Math.round(nowMs - seenMs);
      return { ...entry, silentMs, lastSeenMs: Date.now() - silentMs };
    });
    return { entries, more: found.length > limit };
  }

  async leave(node: string): Promise<void> {
    this.#nodes.delete(node);
  }

  #forget(): void {
    const oldestMs = performance.now() - FORGET_NODE_MS;
    for (const { node, seenMs } of this.#nodes.values()) if (seenMs < oldestMs) this.#nodes.delete(node);
  }
}
