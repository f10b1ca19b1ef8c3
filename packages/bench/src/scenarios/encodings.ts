import type { DialectName } from '../load/dialects.ts';
import { startCarillon } from '../targets/carillon.ts';
import type { Target } from '../targets/target.ts';
import { fanOut } from './fan-out.ts';
import type { Variant } from './scenario.ts';

/** With what stands around it 1.4 kB: above what compression begins at. */
const PAD_BYTES = 1200;

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
  padBytes: PAD_BYTES,
  variants: ENCODINGS,
  more: ', 1.4 kB each, by how subscribers want them (batches of at most 50 messages or 50 ms)',
});
