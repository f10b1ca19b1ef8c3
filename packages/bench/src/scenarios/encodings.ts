import type { DialectName } from '../load/dialects.ts';
import { startCarillon } from '../targets/carillon.ts';
import type { Target } from '../targets/target.ts';
import { fanOut } from './fan-out.ts';
import type { Variant } from './scenario.ts';

/** With what stands around it 1.4 kB: above what compression begins at. */
const PAD_BYTES = 1200;
const WORDS =
  'order trade price volume the of and to market buyer seller closed opened at limit stop filled partial cancelled pending account desk note user wrote that was sent from'.split(
    ' ',
  );

/** Words and numbers, as messages have them: it compresses to about a third. The same in every run. */
function text(): string {
  const parts: string[] = [];
  for (let i = 1, seed = 7; parts.join(' ').length < PAD_BYTES; i++) {
    seed = (seed * 48_271) % 2_147_483_647;
    parts.push(i % 5 === 0 ? String(seed % 1_000_000) : WORDS[seed % WORDS.length]!);
  }
  return parts.join(' ').slice(0, PAD_BYTES);
}

/** Carillon as it is, with compression allowed: nobody gets it who does not ask for it. */
async function startSpeaking(name: string, dialect: Exclude<DialectName, 'raw'>): Promise<Target> {
  const target = await startCarillon({ env: { CARILLON_COMPRESSION: 'true' } });
  return { ...target, name, dialect };
}

function variant(
  name: string,
  dialect: Exclude<DialectName, 'raw'>,
): Variant & { readonly dialect: typeof dialect } {
  return { name, dialect, start: () => startSpeaking(name, dialect) };
}

/** By what subscribers ask for. */
export const ENCODINGS = [
  variant('protobuf', 'carillon-protobuf'),
  variant('JSON, batches', 'carillon-batches'),
  variant('protobuf, batches', 'carillon-protobuf-batches'),
  variant('JSON, deflate', 'carillon-deflate'),
];

/** The same fan-out in every form that a message can have on the wire; `carillon` is JSON, a frame per message. */
export const encodings = fanOut({
  name: 'encodings',
  row: '',
  subscribers: 200,
  ratePerSecond: 250,
  pad: text(),
  variants: ENCODINGS,
  more: ', 1.4 kB each, by how subscribers want them (batches of at most 50 messages or 50 ms)',
});
