/** Decodes client frames from protobuf into the same objects as JSON. Rules [PB1]-[PB7] of SPEC.md. */
import { type FrameLimits, type FrameReading, readMembers } from '../client-frame.ts';
import { CarillonError } from '../errors.ts';
import { isDeeperThan } from '../json-scan.ts';
import { isRequestId } from '../member-reader.ts';
import { decodeClientFrame } from './frame-codec.ts';
import { TEXTS } from './payload-forms.ts';
import { WireError } from './wire-error.ts';

type Model = Record<string, unknown>;

/** Reads one frame. Never throws for any bytes. */
export function readProtobufFrame(bytes: Uint8Array, limits: FrameLimits): FrameReading {
  let frame: Model | undefined;
  try {
    const read = decodeClientFrame(bytes, TEXTS);
    frame = read;
    return { frame: readMembers(read, (name) => payloadText(read, name, limits), limits) };
  } catch (error) {
    const known =
      error instanceof WireError
        ? new CarillonError('FRAME_MALFORMED', `The frame is not a ClientFrame: ${error.message}`, {
            cause: error,
          })
        : error;
    if (!(known instanceof CarillonError)) throw known;
    const id = frame?.id;
    return { error: known, re: isRequestId(id) ? id : undefined };
  }
}

/**
 * JSON text of a payload, validated here because nothing has parsed it yet. @throws CarillonError PAYLOAD_INVALID,
 * FRAME_TOO_DEEP
 */
function payloadText(frame: Model, name: string, { maxFrameDepth }: FrameLimits): string | undefined {
  if (!Object.hasOwn(frame, name)) return undefined;
  const text = frame[name];
  if (typeof text !== 'string')
    throw new CarillonError('PAYLOAD_INVALID', `${name}: the bytes are not of their type, or it is unknown`);
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new CarillonError('PAYLOAD_INVALID', `${name}: got text that is not JSON; allowed: JSON or bytes`, {
      cause,
    });
  }
  // The frame is level 1 as it is in JSON.
  if (isDeeperThan(text, maxFrameDepth - 1))
    throw new CarillonError(
      'FRAME_TOO_DEEP',
      `The frame nests objects and arrays deeper than ${maxFrameDepth} levels`,
    );
  return text;
}
