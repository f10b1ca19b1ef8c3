import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, readFileSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { HistoryEvent, ProcessHistory } from './history.ts';

const SUFFIX = '.jsonl';

/** Takes down what happens to one process. */
export interface Recorder {
  readonly process: string;
  record(event: HistoryEvent): void;
}

/** Histories as files, one per process, one event a line. */
export class HistoryFolder {
  readonly path: string;
  readonly #streams = new Map<string, WriteStream>();

  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
  }

  recorder(process: string): Recorder {
    const stream = createWriteStream(join(this.path, `${process}${SUFFIX}`), { flags: 'a' });
    this.#streams.set(process, stream);
    return {
      process,
      record: (event) => {
        // Events after the end of the record are not judged.
        if (!stream.writableEnded) stream.write(`${JSON.stringify(event)}\n`);
      },
    };
  }

  /** Everything is on the disk. */
  async close(): Promise<void> {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    await Promise.all(
      streams.map(async (stream) => {
        stream.end();
        await once(stream, 'close');
      }),
    );
  }
}

function* eventsOf(file: string): Generator<HistoryEvent> {
  const text = readFileSync(file, 'utf8');
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf('\n', at);
    yield JSON.parse(text.slice(at, end < 0 ? undefined : end)) as HistoryEvent;
    at = end < 0 ? text.length : end + 1;
  }
}

/** Reads the histories of a folder, one file at a time. */
export function readHistories(path: string): readonly ProcessHistory[] {
  return readdirSync(path)
    .filter((name) => name.endsWith(SUFFIX))
    .toSorted()
    .map((name) => ({
      process: name.slice(0, -SUFFIX.length),
      events: { [Symbol.iterator]: () => eventsOf(join(path, name)) },
    }));
}
