import type { Position } from '@carillon/protocol';
import { type Deferred, deferred, markObserved } from './deferred.ts';
import type { PublishReceipt } from './publish-entry.ts';

/** `stored` is there when it was asked for. */
export interface Publishing extends Promise<PublishReceipt> {
  readonly stored: Promise<Position> | undefined;
}

/** {@link Publishing} of a message whose `stored` was asked for. */
export interface StoredPublishing extends Publishing {
  readonly stored: Promise<Position>;
}

/** A pending publish: the deferred results, and the object that the application has. */
interface OpenPublishing {
  readonly receipt: Deferred<PublishReceipt>;
  readonly stored: Deferred<Position> | undefined;
  readonly publishing: Publishing;
}

export function openPublishing(wantsStored: boolean): OpenPublishing {
  const receipt = deferred<PublishReceipt>();
  const stored = wantsStored ? deferred<Position>() : undefined;
  if (stored !== undefined) markObserved(stored.promise);
  return { receipt, stored, publishing: Object.assign(receipt.promise, { stored: stored?.promise }) };
}
