import type { Edit } from './edit.ts';

const MEMORY = 'packages/broker/src/memory';
const JOURNAL = `${MEMORY}/journal`;

/** Changes of the single process: its broker in memory, and the journal of that. */
export const SINGLE_EDITS = {
  'slow-journal': {
    file: `${JOURNAL}/journal-writer.ts`,
    find: 'this.#scheduled ??= setImmediate(() => this.#attempt());',
    replace: 'if (this.#pending.length === 2) setTimeout(() => this.#attempt(), 500);',
  },
  'told-before-written': {
    file: `${JOURNAL}/journal-writer.ts`,
    find: 'if (this.#pending.length === 0) settle(undefined);',
    replace: 'if (this.#pending.length >= 0) settle(undefined);',
  },
  'shown-before-written': {
    file: `${MEMORY}/feed-queue.ts`,
    find: 'if (!this.#isWritten()) return;',
    replace: 'void this.#isWritten;',
  },
  'stored-before-written': {
    file: `${MEMORY}/memory-log.ts`,
    find: 'this.#journal.flush();',
    replace: ';',
  },
  'unstored-forgotten': {
    file: `${JOURNAL}/replay.ts`,
    find: 'this.#state.log.restore(this.#uncommitted, this.#nextLog);',
    replace: 'this.#state.log.restore(new Map(), this.#nextLog + this.#uncommitted.size);',
  },
  'producers-forgotten': {
    file: `${JOURNAL}/replay.ts`,
    find: 'if (dedupe === undefined) return;',
    replace: 'if (dedupe !== null) return;',
  },
} as const satisfies Readonly<Record<string, Edit>>;
