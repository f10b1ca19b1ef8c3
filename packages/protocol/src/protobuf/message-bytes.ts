/** The frames of messages, made of records and of each other. */
import { decodeRecord } from '../record.ts';
import { encodeServerFrame } from './frame-codec.ts';
import { TEXTS } from './payload-forms.ts';
import { SERVER_FRAMES } from './shapes.ts';
import { LENGTH } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

/** The `message` frame of a record at a position of a channel. A JSON payload passes as it is. */
export function messageBytes(
  channel: string,
  epoch: string,
  seq: number,
  record: string,
): Uint8Array<ArrayBuffer> {
  const { header, payload } = decodeRecord(record);
  return encodeServerFrame({ type: 'message', version: 1, channel, epoch, seq, ...header, payload }, TEXTS);
}

/**
 * Head of a `message_batch` for `message` frames of `byteLength` bytes in total. A message has the same field number in
 * both, so the frames follow as they are.
 */
export function batchHead(byteLength: number): Uint8Array<ArrayBuffer> {
  const writer = new WireWriter();
  writer.varint(SERVER_FRAMES.message_batch.no * 8 + LENGTH);
  writer.varint(byteLength);
  return writer.finish();
}
