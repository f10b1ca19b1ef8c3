import type { Socket } from 'node:net';
import { CarillonError } from '@carillon/protocol';

interface ClientError extends Error {
  readonly code?: string;
}

/** HTTP status and error of the registry for a request that can't be parsed. */
function answerTo({ code }: ClientError): readonly [status: string, error: CarillonError] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return ['408 Request Timeout', new CarillonError('TIMEOUT', 'The request did not come in time.')];
  if (code === 'HPE_HEADER_OVERFLOW')
    return [
      '431 Request Header Fields Too Large',
      new CarillonError('BODY_INVALID', 'The headers of the request are larger than is allowed.'),
    ];
  return ['400 Bad Request', new CarillonError('BODY_INVALID', 'This is not an HTTP request.')];
}

/** Answers what isn't a request as every other error: `{error: {code, message, retryable}}`. The connection ends. */
export function answerClientError(cause: ClientError, socket: Socket): void {
  if (cause.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, { code, message, retryable }] = answerTo(cause);
  const body = JSON.stringify({ error: { code, message, retryable } });
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  if (socket.writable) socket.write(head + body);
  socket.destroy(cause);
}
