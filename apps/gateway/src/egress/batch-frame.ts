/** [BA2] A batch is made of the frames of its messages: their bytes are put together, nothing is encoded again. */
import { batchHead } from '@carillon/protocol/protobuf';
import { contentOf, joinedFrame } from './binary-frame.ts';
import type { EncodingName } from './frame.ts';

const JSON_HEAD = Buffer.from('{"type":"message_batch","messages":[');
const JSON_TAIL = Buffer.from(']}');
const COMMA = Buffer.from(',');

function make(encoding: EncodingName, frames: readonly Buffer[]): Buffer {
  const messages = frames.map(contentOf);
  const bytes = messages.reduce((sum, { length }) => sum + length, 0);
  if (encoding === 'protobuf') {
    const head = batchHead(bytes);
    return joinedFrame(frames[0]!, [head, ...messages], head.length + bytes);
  }
  const parts: Buffer[] = [JSON_HEAD];
  for (const message of messages) parts.push(message, COMMA);
  parts[parts.length - 1] = JSON_TAIL;
  const length = JSON_HEAD.length + bytes + (messages.length - 1) * COMMA.length + JSON_TAIL.length;
  return joinedFrame(frames[0]!, parts, length);
}

/** Makes batches. Clients that get the same messages one after the other get the same bytes. */
export class BatchFrames {
  /** The last one of each encoding: subscribers of one channel fill their batches together. */
  readonly #last = new Map<EncodingName, { readonly frames: readonly Buffer[]; readonly batch: Buffer }>();

  /** @param frames those of single messages, at least one, not changed afterwards */
  join(encoding: EncodingName, frames: readonly Buffer[]): Buffer {
    if (frames.length === 1) return frames[0]!;
    const last = this.#last.get(encoding);
    if (last !== undefined && areSame(last.frames, frames)) return last.batch;
    const batch = make(encoding, frames);
    this.#last.set(encoding, { frames, batch });
    return batch;
  }
}

function areSame(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((frame, i) => frame === b[i]);
}
