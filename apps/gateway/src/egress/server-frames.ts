/** The frames that a gateway sends. */
import { CarillonError, type ErrorBody, type RequestId, type ServerFrame } from '@carillon/protocol';
import { errorBody } from '@carillon/service';
import { type Frame, PlainFrame } from './frame.ts';

/** A frame without a payload, encoded for whoever it is sent to. */
export function encodeFrame(frame: ServerFrame): Frame {
  return new PlainFrame(frame);
}

export function errorFrame(error: CarillonError, re: RequestId | undefined): Frame {
  return encodeFrame({ type: 'error', ...(re === undefined ? {} : { re }), ...errorBody(error) });
}

/** Any failure as one that a client may see: what isn't meant for it becomes INTERNAL. */
export function toCarillonError(error: unknown): CarillonError {
  return error instanceof CarillonError ? error : new CarillonError('INTERNAL', undefined, { cause: error });
}

export function errorResult(error: unknown): ErrorBody {
  return errorBody(toCarillonError(error));
}
