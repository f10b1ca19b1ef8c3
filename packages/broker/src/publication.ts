import type { CarillonError, Position } from '@carillon/protocol';
import type { ChannelKey } from './channel-key.ts';

/** How a message is kept; comes from the namespace policy. */
export interface StoragePolicy {
  /** Hot history: at most this many messages, kept this long; `undefined`: none. */
  readonly history: { readonly maxMessages: number; readonly ttlMs: number } | undefined;
  /** Append to the log, from which persistence stores it in Postgres. */
  readonly durable: boolean;
}

/** How a repeated publish is recognised. */
export type Dedupe =
  | {
      readonly kind: 'producer';
      readonly producer: string;
      readonly seq: number;
      readonly prev: number;
      readonly fingerprint: number;
    }
  | { readonly kind: 'key'; readonly key: string; readonly ttlMs: number; readonly fingerprint: number };

export interface Publication {
  readonly channel: ChannelKey;
  /** Message id; also stands in the record's header. */
  readonly id: string;
  /** See packages/protocol/src/record.ts. Opaque to the broker, but for U+0000, which JSON doesn't have and it mustn't have either. */
  readonly record: string;
  readonly keeping: StoragePolicy;
  readonly dedupe?: Dedupe | undefined;
  /** Published again after a loss: where it was accepted. It takes no other place when it is there, or was published again already. */
  readonly former?: Position | undefined;
  /** Gateway that wants `stored` for this message. */
  readonly storedTo?: string | undefined;
}

export type PublishOutcome =
  | {
      readonly status: 'accepted';
      readonly epoch: string;
      readonly seq: number;
      readonly id: string;
      readonly duplicate: boolean;
    }
  | { readonly status: 'refused'; readonly error: CarillonError };
