import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { parsePayload, stringifyPayload } from './bytes-json.ts';
import { asBytes, bytesOf, bytesText, readBytesText, typedArrayOf, wireBytesOf } from './bytes-payload.ts';
import { anyTypedArray } from './protobuf/any-frame.suite.ts';

describe('payloads of bytes', () => {
  it('[BY1] come back from JSON as the array that they were', () => {
    fc.assert(
      fc.property(anyTypedArray, (array) => {
        const text = JSON.stringify(asBytes(array));
        expect(bytesOf(JSON.parse(text))).toEqual(array);
        const wire = readBytesText(text)!;
        expect(typedArrayOf(wire)).toEqual(array);
        expect(bytesText(wire)).toBe(text);
        expect(wire.type).toBe(wireBytesOf(array)!.type);
        expect([...wire.data]).toEqual([...wireBytesOf(array)!.data]);
      }),
    );
  });

  it('[BY1] are what stands in the memory that an array shows, and a copy of it', () => {
    const memory = Uint8Array.from({ length: 16 }, (_, i) => i).buffer;
    const array = bytesOf(asBytes(new Uint8Array(memory, 3, 5)))!;
    expect([...array]).toEqual([3, 4, 5, 6, 7]);
    expect(array.buffer.byteLength).toBe(5);
    expect(bytesOf(asBytes(new DataView(memory, 1, 2)))).toEqual(Uint8Array.of(1, 2));
    expect(bytesOf(asBytes(memory))).toHaveLength(16);
    expect(bytesOf(asBytes(Buffer.from('ab')))).toEqual(Uint8Array.of(97, 98));
    const fromPool = typedArrayOf({ type: 'f32', data: Buffer.from([0, 0, 128, 63]) })!;
    expect(fromPool).toEqual(Float32Array.of(1));
    expect(fromPool.buffer.byteLength).toBe(4);
  });

  it.each([
    ['a length that is none of the type', '{"$bytes":"AAA=","$type":"f32"}'],
    ['a type that does not exist', '{"$bytes":"AAAA","$type":"f16"}'],
    ['a type of the prototype', '{"$bytes":"AAAA","$type":"toString"}'],
    ['no type', '{"$bytes":"AAAA"}'],
    ['a third member', '{"$bytes":"AAAA","$type":"u8","a":1}'],
    ['text that is not base64', '{"$bytes":"A*AA","$type":"u8"}'],
    ['base64 for addresses', '{"$bytes":"-_-_","$type":"u8"}'],
    ['padding in the middle', '{"$bytes":"AA==AAAA","$type":"u8"}'],
    ['nothing but padding', '{"$bytes":"A===","$type":"u8"}'],
    ['space in it', '{"$bytes":"AA AA AA","$type":"u8"}'],
    ['base64 without its padding', '{"$bytes":"AAA","$type":"u8"}'],
    ['no text', '{"$bytes":1,"$type":"u8"}'],
  ])('[BY3] are plain JSON with %s', (_what, text) => {
    expect(readBytesText(text)).toBeUndefined();
    expect(bytesOf(JSON.parse(text))).toBeUndefined();
  });

  it('[BY3] are plain JSON for a gateway when the text is another than its own', () => {
    for (const text of ['{"$bytes": "AAAA","$type":"u8"}', '{"$type":"u8","$bytes":"AAAA"}', '{"$bytes":"']) {
      expect(readBytesText(text)).toBeUndefined();
    }
  });

  it('[BY1] are the same where there is no Buffer', async () => {
    const { Buffer: hidden } = globalThis;
    vi.resetModules();
    try {
      (globalThis as { Buffer?: unknown }).Buffer = undefined;
      const page = await import('./bytes-payload.ts');
      const array = Uint8Array.from({ length: 256 }, (_, i) => i);
      expect(page.asBytes(array)).toEqual(asBytes(array));
      expect(page.bytesOf(page.asBytes(array))).toEqual(array);
      for (const $bytes of ['A*AA', '-_-_', 'AA==AAAA', 'A===', 'AA AA AA', 'AAA'])
        expect(page.bytesOf({ $bytes, $type: 'u8' })).toBeUndefined();
    } finally {
      globalThis.Buffer = hidden;
    }
  });

  it('[BY4] may stand anywhere in a value', () => {
    const value = { chart: Float32Array.of(1.5), parts: [Buffer.from('x'), 'y'], when: new Date(0), n: null };
    expect(parsePayload(stringifyPayload(value))).toEqual({
      chart: Float32Array.of(1.5),
      parts: [Uint8Array.of(120), 'y'],
      when: '1970-01-01T00:00:00.000Z',
      n: null,
    });
    expect(() => stringifyPayload(undefined)).toThrow(TypeError);
  });
});
