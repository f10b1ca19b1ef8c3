/** The frames that a gateway sends, as bytes. */
import { CarillonError, type ErrorBody, type RequestId, type ServerFrame } from '@carillon/protocol';
import { errorBody } from '@carillon/service';
import { textFrame } from './text-frame.ts';

export function encodeFrame(frame: ServerFrame): Buffer {
  return textFrame(JSON.stringify(frame));
}

export function errorFrame(error: CarillonError, re: RequestId | undefined): Buffer {
  return encodeFrame({ type: 'error', ...(re === undefined ? {} : { re }), ...errorBody(error) });
}

/** Any failure as one that a client may see: what isn't meant for it becomes INTERNAL. */
export function toCarillonError(error: unknown): CarillonError {
  return error instanceof CarillonError ? error : new CarillonError('INTERNAL', undefined, { cause: error });
}

export function errorResult(error: unknown): ErrorBody {
  return errorBody(toCarillonError(error));
}
