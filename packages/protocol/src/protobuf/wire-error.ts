/** Bytes that are no protobuf message. Not a CarillonError: pages that read frames don't carry the registry of codes. */
export class WireError extends Error {
  readonly code = 'FRAME_MALFORMED';
  readonly retryable = false;

  constructor(message: string, options?: { cause: unknown }) {
    super(message, options);
    this.name = 'WireError';
  }
}
