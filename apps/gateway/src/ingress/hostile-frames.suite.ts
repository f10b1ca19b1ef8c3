import type { ClientFrame } from '@carillon/protocol';
import { encodeClientFrame, VALUES } from '@carillon/protocol/protobuf';

/** Frames that a hostile or broken client may send, from a seed: the same seed gives the same frames. */

/** Numbers from 0 to below 1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const CHANNELS = [
  'fuzz:a',
  'fuzz:b',
  'watched',
  'fuzz:ü',
  'fuzz:\n',
  '',
  '../..',
  '#system',
  'fuzz:%2f',
  '__proto__',
  'constructor',
];
const EPOCHS = ['mwq3sxhqczjm', '', 'zzzzzzzzzzzz', '../', '\0', 'x'.repeat(33)];
const NUMBERS = [0, 1, -1, 1.5, 2 ** 53, -(2 ** 53), 1e308, 255, 256, 4096, Number.MAX_SAFE_INTEGER];
const ODD: readonly unknown[] = [
  null,
  true,
  '',
  'x',
  '\0',
  '\ud800',
  {},
  [],
  [[]],
  { length: 1 },
  'NaN',
  -0,
  1e-300,
  'x'.repeat(5000),
  { toString: 1 },
];
const TOKENS = ['', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', '.'.repeat(200), 'x'.repeat(17_000), '\ud800'];

export const MAX_FRAME_BYTES = 65_536;

/** Pieces of protobuf: unknown fields, groups, numbers without an end, lengths beyond it, text that isn't UTF-8, a payload of odd bytes. */
const PARTS = [
  [],
  [0xba, 0x3e, 0x02, 0x01, 0x02],
  [0x1b],
  [0x08, ...Array<number>(20).fill(0xff)],
  [0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x12, 0x02, 0xc3, 0x28],
  [0x3a, 0x00],
  [0x2a, 0x02, 0x0a, 0x00],
  [0x00],
  [
    0x08, 0x02, 0x3a, 0x11, 0x0a, 0x06, 0x66, 0x75, 0x7a, 0x7a, 0x3a, 0x61, 0x1a, 0x07, 0x0a, 0x03, 0x66,
    0x33, 0x32, 0x12, 0x00,
  ],
].map((bytes) => Buffer.from(bytes));

export class HostileFrames {
  readonly #random: () => number;
  #lastId = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)]!;
  }

  /** The text of a frame: well formed with odd values, or broken. */
  text(): string {
    const text = JSON.stringify(this.#frame());
    const roll = this.#random();
    if (roll < 0.55) return text;
    if (roll < 0.65) return this.#broken(text);
    if (roll < 0.7) return `${text.slice(0, -1)},"type":"ping","id":${++this.#lastId}}`;
    if (roll < 0.75) return text.replace('{', '{"__proto__":{"type":"ping"},');
    if (roll < 0.8) return this.#deep();
    if (roll < 0.85) return text.replace(/\d+/, '9'.repeat(400));
    if (roll < 0.9)
      return this.#sized(this.pick([MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES, MAX_FRAME_BYTES + 1]));
    return this.pick([
      '',
      'null',
      '[]',
      '1',
      '"x"',
      '{}',
      '\0',
      '{"id":1}',
      '{"type":"toString","id":1}',
      '\ufeff{}',
      ' ',
    ]);
  }

  /** The bytes of a frame in protobuf: well formed with odd values, or broken. */
  bytes(): Uint8Array {
    const bytes = this.#encoded();
    const roll = this.#random();
    if (roll < 0.5) return bytes;
    if (roll < 0.6) return bytes.subarray(0, Math.floor(this.#random() * bytes.length));
    if (roll < 0.75) return this.#changed(bytes);
    if (roll < 0.8) return Buffer.concat([bytes, this.#encoded()]);
    if (roll < 0.85) return Buffer.concat(Array.from({ length: 200 }, () => this.pick(PARTS)));
    if (roll < 0.9) return Buffer.from(Array.from({ length: 40 }, () => Math.floor(this.#random() * 256)));
    if (roll < 0.95) {
      const size = this.pick([MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES, MAX_FRAME_BYTES + 1]);
      const empty = this.#publish('');
      return this.#publish('x'.repeat(size - empty.length - 4));
    }
    return this.pick(PARTS);
  }

  #publish(payload: unknown): Uint8Array {
    return encodeClientFrame({ type: 'publish', id: ++this.#lastId, channel: 'fuzz:b', payload }, VALUES);
  }

  #encoded(): Uint8Array {
    try {
      return encodeClientFrame(this.#frame() as ClientFrame, VALUES);
    } catch {
      // Not every odd value has a place in protobuf.
      return this.#publish(this.pick<unknown>([new Uint8Array(5000), Float64Array.of(Number.NaN), null]));
    }
  }

  #changed(bytes: Uint8Array): Uint8Array {
    const changed = bytes.slice();
    for (let i = 0; i < 3; i++)
      changed[Math.floor(this.#random() * changed.length)] = Math.floor(this.#random() * 256);
    return changed;
  }

  #frame(): object {
    const id = ++this.#lastId;
    const make = this.pick<() => object>([
      () => ({ type: 'connect', token: this.pick(TOKENS) }),
      () => ({
        type: 'connect',
        token: this.pick(TOKENS),
        batch: this.pick<unknown>([{ size: this.pick(NUMBERS), delayMs: this.pick(NUMBERS) }, ...ODD]),
      }),
      () => ({ type: 'refresh', token: this.pick(TOKENS) }),
      () => ({ type: 'ping', timestamp: this.pick(NUMBERS) }),
      () => ({
        type: 'subscribe',
        channels: this.#many(() => ({ channel: this.#channel(), position: this.#position() })),
      }),
      () => ({
        type: 'subscribe',
        channels: this.#many(() => ({ channel: this.pick(CHANNELS.slice(0, 3)) })),
      }),
      () => ({ type: 'unsubscribe', channels: this.#many(() => this.#channel()) }),
      () => ({
        type: 'publish',
        channel: this.#channel(),
        payload: this.pick(ODD),
        stored: this.pick([true, false, 1]),
      }),
      () => ({
        type: 'publish',
        channel: 'fuzz:a',
        event: this.pick(ODD),
        payload: 1,
        producer: this.#producer(),
      }),
      () => ({
        type: 'history',
        channel: this.#channel(),
        limit: this.pick(NUMBERS),
        after: this.#position(),
      }),
      () => ({ type: 'history', channel: 'fuzz:a', before: this.#position() }),
      () => ({ type: 'serve', methods: this.#many(() => this.#channel()), concurrency: this.pick(NUMBERS) }),
      () => ({
        type: 'request',
        method: this.#channel(),
        payload: this.pick(ODD),
        timeoutMs: this.pick<unknown>([1, 20, ...NUMBERS]),
      }),
      () => ({ type: 'response', re: this.pick<unknown>(['x-r0', ...ODD]), payload: this.pick(ODD) }),
      () => ({ type: 'response', re: 'x-r0', error: { message: this.pick(ODD), reason: this.pick(ODD) } }),
    ])();
    const frame = { id, ...make } as Record<string, unknown>;
    if (this.#random() < 0.2) frame[this.pick(Object.keys(frame))] = this.pick(ODD);
    return frame;
  }

  #many<T>(make: () => T): readonly T[] {
    return Array.from({ length: this.pick([0, 1, 2, 3, 128, 129]) }, make);
  }

  #channel(): unknown {
    return this.#random() < 0.9
      ? this.pick(CHANNELS)
      : this.pick<unknown>(['x'.repeat(201), 'fuzz:'.repeat(40), ...ODD]);
  }

  #position(): unknown {
    return this.pick<unknown>([
      undefined,
      { epoch: this.pick(EPOCHS), seq: this.pick(NUMBERS) },
      this.pick(ODD),
    ]);
  }

  #producer(): unknown {
    const id = this.pick(['producer-1', 'producer-2', 'x', '__proto__', 'a'.repeat(65)]);
    return { id, seq: this.pick(NUMBERS), ...(this.#random() < 0.5 ? { prev: this.pick(NUMBERS) } : {}) };
  }

  #broken(text: string): string {
    const at = Math.floor(this.#random() * text.length);
    return this.pick([
      text.slice(0, at),
      text.slice(at),
      `${text.slice(0, at)}\0${text.slice(at + 1)}`,
      text + text,
    ]);
  }

  #deep(): string {
    const levels = this.pick([30, 32, 33, 5000]);
    return `{"type":"publish","id":${++this.#lastId},"channel":"fuzz:a","payload":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  }

  #sized(bytes: number): string {
    const start = `{"type":"publish","id":${++this.#lastId},"channel":"fuzz:b","payload":"`;
    return `${start}${'x'.repeat(bytes - start.length - 2)}"}`;
  }
}
