import type { IncomingMessage } from 'node:http';

/** A client that sends more than this beyond an answer is cut off. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;

/**
 * Reads what is left of a request's body and throws it away, within bounds. `false`: there is more, the connection has to end.
 *
 * A server that answers and closes while the body still comes resets the connection, and the client loses the answer; a proxy takes it
 * for a server that failed.
 */
export function drainBody(request: IncomingMessage, timeoutMs: number): Promise<boolean> {
  const { headers, complete, readableEnded, destroyed } = request;
  if (!hasBody(request) || complete || readableEnded || destroyed) return Promise.resolve(true);
  if (Number(headers['content-length'] ?? 0) > MAX_DRAINED_BYTES) return Promise.resolve(false);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  let bytes = 0;
  const onData = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > MAX_DRAINED_BYTES) resolve(false);
  };
  const timer = setTimeout(() => resolve(false), timeoutMs);
  request.on('data', onData);
  for (const event of ['end', 'close', 'error']) request.once(event, () => resolve(true));
  request.resume();
  return promise.finally(() => {
    clearTimeout(timer);
    request.off('data', onData);
  });
}

export function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers['content-length'];
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}
