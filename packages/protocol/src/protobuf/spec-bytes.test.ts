/** The bytes in SPEC.md are those of the frames beside them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parsePayload } from '../bytes-json.ts';
import type { ClientFrame, ServerFrame } from '../frames.ts';
import { findMember } from '../json-scan.ts';
import { decodeServerFrame, encodeClientFrame, encodeServerFrame } from './frame-codec.ts';
import { TEXTS, VALUES } from './payload-forms.ts';
import { readProtobufFrame } from './read-client-frame.ts';

const SPEC = readFileSync(new URL('../../SPEC.md', import.meta.url), 'utf8');

function examples(side: 'C' | 'S'): [json: string, hex: string][] {
  const pattern = new RegExp(`^${side}> (.*)\n${side}: (.*)$`, 'gm');
  return [...SPEC.matchAll(pattern)].map(([, json, hex]) => [json!, hex!]);
}

const hexOf = (bytes: Uint8Array) =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');
const bytesOf = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('SPEC.md, in bytes', () => {
  it('has examples of both sides', () => {
    expect(examples('C')).toHaveLength(3);
    expect(examples('S')).toHaveLength(3);
  });

  it.each(examples('C'))('[PB3] [PB4] of a client: %s', (json, hex) => {
    const frame = JSON.parse(json) as Record<string, unknown>;
    const span = findMember(json, 'payload');
    if (span !== undefined) frame.payload = json.slice(span.start, span.end);
    expect(hexOf(encodeClientFrame(frame as unknown as ClientFrame, TEXTS))).toBe(hex);
    const reading = readProtobufFrame(bytesOf(hex), { maxFrameDepth: 32, maxChannelsPerFrame: 1 });
    expect(reading).toMatchObject({ frame: { type: frame.type, id: frame.id } });
  });

  it.each(examples('S'))('[PB3] [PB4] of a server: %s', (json, hex) => {
    const frame = parsePayload(json) as ServerFrame;
    expect(hexOf(encodeServerFrame(frame, VALUES))).toBe(hex);
    expect(decodeServerFrame(bytesOf(hex), VALUES)).toEqual(frame);
  });
});
