import type { IncomingMessage } from 'node:http';
import type { GivenRequest } from '@carillon/broker';
import type { ResponderEndpoint } from '@carillon/config';
import { CarillonError, decodeRequest, type RequestAnswer } from '@carillon/protocol';
import type { SpanHandle } from '@carillon/telemetry';
import type { AddressPolicy } from '../webhooks/public-address.ts';
import { abortable, post } from '../webhooks/send.ts';
import { signatureOf } from '../webhooks/sign.ts';

const MAX_MESSAGE_LENGTH = 1000;
const MAX_REASON_LENGTH = 128;

/**
 * Asks an endpoint once. A refusal of the endpoint is an answer too.
 *
 * @throws CarillonError `UNAVAILABLE` (it was not reached, nothing was done), `TIMEOUT`, `RESPONDER_LOST`
 */
export async function askEndpoint(
  endpoint: ResponderEndpoint,
  request: GivenRequest,
  {
    addresses,
    span,
    signal,
  }: { readonly addresses: AddressPolicy; readonly span: SpanHandle; readonly signal: AbortSignal },
): Promise<RequestAnswer> {
  const timeout = AbortSignal.timeout(endpoint.timeoutMs);
  const ending = AbortSignal.any([signal, timeout]);
  try {
    const url = new URL(endpoint.url);
    const resolved = await abortable(addresses.resolve(url.hostname), ending);
    const body = bodyOf(request, endpoint.timeoutMs);
    const response = await post(url, resolved, headersOf(endpoint, request, body, span), body, ending);
    return await answerOf(response, endpoint.maxAnswerBytes);
  } catch (error) {
    throw failureOf(error, endpoint, timeout.aborted);
  }
}

/** The payload stands in it byte for byte. The endpoint is told the time that it has, not what the client would wait. */
function bodyOf({ id, method, body, timeoutMs }: GivenRequest, endpointTimeoutMs: number): string {
  const slash = method.indexOf('/');
  const { header, payloadJson } = decodeRequest(body);
  const { trace: _, ...caller } = header;
  const members = { id, event: 'request', app: method.slice(0, slash), method: method.slice(slash + 1) };
  const text = JSON.stringify({
    ...members,
    timeoutMs: Math.ceil(Math.min(timeoutMs, endpointTimeoutMs)),
    ...caller,
  });
  return `${text.slice(0, -1)},"data":${payloadJson}}`;
}

function headersOf(
  { secrets }: ResponderEndpoint,
  { id }: GivenRequest,
  body: string,
  { traceparent }: SpanHandle,
): Readonly<Record<string, string>> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Carillon-Requests/1',
    'carillon-event': 'request',
    'carillon-request': id,
    'carillon-signature': signatureOf(secrets, body, Date.now()),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

async function answerOf(response: IncomingMessage, maxBytes: number): Promise<RequestAnswer> {
  const { statusCode: status = 0 } = response;
  const text = await readBounded(response, maxBytes);
  if (text === undefined)
    return refusal(`The endpoint's answer has more than ${maxBytes} bytes.`, 'answer-too-large', false);
  if (status >= 200 && status < 300) {
    if (text.trim() === '') return { payloadJson: 'null' };
    // The answer becomes part of a frame: a text that isn't JSON would break it.
    if (parsed(text) !== undefined) return { payloadJson: text };
    return refusal("The endpoint's answer is no JSON.", 'answer-invalid', false);
  }
  const said = (parsed(text)?.value as { error?: unknown } | null | undefined)?.error;
  const isPassing = status >= 500 || status === 408 || status === 429;
  if (typeof said !== 'object' || said === null)
    return refusal(`The endpoint answered ${status}.`, undefined, isPassing);
  const { message, reason, retryable } = said as Readonly<Record<string, unknown>>;
  return refusal(
    typeof message === 'string' && message !== '' ? message : `The endpoint answered ${status}.`,
    typeof reason === 'string' ? reason : undefined,
    typeof retryable === 'boolean' ? retryable : isPassing,
  );
}

function refusal(message: string, reason: string | undefined, retryable: boolean): RequestAnswer {
  return {
    error: {
      code: 'RESPONDER_ERROR',
      message: message.slice(0, MAX_MESSAGE_LENGTH),
      retryable,
      ...(reason === undefined || reason === '' ? {} : { reason: reason.slice(0, MAX_REASON_LENGTH) }),
    },
  };
}

/** `undefined`: there is more than that, and it wasn't read. */
async function readBounded(response: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > maxBytes) return undefined;
    }
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function failureOf(error: unknown, { name, timeoutMs }: ResponderEndpoint, isLate: boolean): CarillonError {
  if (isLate)
    return new CarillonError(
      'TIMEOUT',
      `The endpoint ${name} did not answer within ${timeoutMs} ms. It may have done it.`,
    );
  const { code } = error as { readonly code?: string };
  if (code === 'WEBHOOK_ADDRESS_REFUSED' || wasNeverConnected(error))
    return new CarillonError(
      'UNAVAILABLE',
      `The endpoint ${name} can not be reached (${code}); nothing was done.`,
      {
        cause: error,
        retryAfterMs: 1000,
      },
    );
  return new CarillonError('RESPONDER_LOST', undefined, { cause: error });
}

/** Before there was a connection nothing can have been done. Of several addresses each has its own error. */
function wasNeverConnected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(wasNeverConnected);
  const { syscall } = error as { readonly syscall?: string };
  return syscall === 'connect' || syscall === 'getaddrinfo';
}
