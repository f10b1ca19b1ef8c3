import type { Publication } from '../ports.ts';

/** Bounds of one script call: Redis does nothing else meanwhile. */
const MAX_BATCH = 256;
const MAX_BATCH_CHARS = 1_000_000;

/** Publications of one script call. */
export interface Batch {
  readonly publications: Publication[];
  /** Of their records. */
  chars: number;
}

export function isFull({ publications, chars }: Batch, next: Publication): boolean {
  return publications.length >= MAX_BATCH || chars + next.record.length > MAX_BATCH_CHARS;
}

/** In their order, as many in each as one script call takes. */
export function inBatches(publications: readonly Publication[]): readonly (readonly Publication[])[] {
  const batches: Batch[] = [];
  for (const publication of publications) {
    let batch = batches.at(-1);
    if (batch === undefined || isFull(batch, publication)) {
      batch = { publications: [], chars: 0 };
      batches.push(batch);
    }
    batch.publications.push(publication);
    batch.chars += publication.record.length;
  }
  return batches.map((batch) => batch.publications);
}
