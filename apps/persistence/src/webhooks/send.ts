import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { WebhookEndpoint } from '@carillon/config';
import type { DueDelivery } from '@carillon/db';
import type { Address, AddressPolicy } from './public-address.ts';
import { signatureOf } from './sign.ts';

/** Of a refusal's body, for the reason; more is never read. */
const MAX_REASON_BYTES = 500;
/** An address that takes no connection for so long is followed by the next one of the name. The last has all the time that is left. */
const CONNECTING: object = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 1000 };

export type SendResult =
  | { readonly delivered: true }
  | {
      readonly delivered: false;
      readonly reason: string;
      /** The endpoint as such is in trouble, not this delivery. */
      readonly endpointIsIll: boolean;
      /** Not to be tried again: the endpoint said that it will never take it. */
      readonly isFinal?: boolean;
      /** `Retry-After` of the endpoint: the next attempt waits for at least this long. */
      readonly retryAfterMs?: number | undefined;
    };

export interface SendDependencies {
  readonly addresses: AddressPolicy;
  readonly stopping: AbortSignal;
}

/** One attempt. Never rejects; an attempt that is aborted by the stop of the process is not delivered either. */
export async function sendDelivery(
  endpoint: WebhookEndpoint,
  delivery: DueDelivery,
  { addresses, stopping }: SendDependencies,
): Promise<SendResult> {
  const timeout = AbortSignal.timeout(endpoint.timeoutMs);
  const signal = AbortSignal.any([stopping, timeout]);
  try {
    const url = new URL(endpoint.url);
    const resolved = await abortable(addresses.resolve(url.hostname), signal);
    const response = await post(url, resolved, headersOf(endpoint, delivery), delivery.body, signal);
    return await resultOf(response, signal);
  } catch (error) {
    const reason = timeout.aborted
      ? `no answer within ${endpoint.timeoutMs} ms`
      : `${(error as { code?: string }).code ?? ''} ${(error as Error).message}`.trim();
    return { delivered: false, reason, endpointIsIll: true };
  }
}

function headersOf(endpoint: WebhookEndpoint, { id, event, attempts, body }: DueDelivery) {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    'user-agent': 'Carillon-Webhooks/1',
    'carillon-delivery': id,
    'carillon-event': event,
    'carillon-attempt': String(attempts + 1),
    'carillon-signature': signatureOf(endpoint.secrets, body, Date.now()),
  };
}

/**
 * Connects to one of `addresses` and no other, in their order: a name that resolves differently a moment later leads nowhere else. Ends with
 * an answer, an error, or when `signal` aborts, whatever the peer does.
 */
export async function post(
  url: URL,
  addresses: readonly [Address, ...Address[]],
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
    method: 'POST',
    headers,
    signal,
    agent: false,
    ...CONNECTING,
    lookup: (_host, options, done) =>
      options.all === true
        ? done(null, [...addresses])
        : done(null, addresses[0].address, addresses[0].family),
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const switched = new Error('101 Switching Protocols, which was not asked for');
  request.once('response', (response: IncomingMessage) => {
    if (response.statusCode !== 101) return resolve(response);
    reject(switched);
    response.destroy();
  });
  // Without a listener Node closes the socket and emits neither an answer nor an error.
  request.once('upgrade', (_response, socket) => {
    reject(switched);
    socket.destroy();
  });
  // Also after the answer came something may break, which is nobody's concern; without a listener it would end the process.
  request.on('error', reject);
  request.once('close', () => reject(new Error('closed without an answer')));
  request.end(body);
  return await abortable(promise, signal);
}

/** The status decides. Redirects are not followed, and of the body only the beginning is read. */
async function resultOf(response: IncomingMessage, signal: AbortSignal): Promise<SendResult> {
  response.on('error', () => undefined);
  const { statusCode: status = 0, headers } = response;
  if (status >= 200 && status < 300) {
    response.destroy();
    return { delivered: true };
  }
  if (status >= 300 && status < 400) {
    response.destroy();
    const to = String(headers.location ?? '').slice(0, 200);
    return { delivered: false, reason: `${status} redirect to ${to}, not followed`, endpointIsIll: true };
  }
  const reason = `${status} ${await beginningOf(response, signal)}`.trim();
  return {
    delivered: false,
    reason,
    endpointIsIll: status >= 500 || status === 429 || status === 408,
    isFinal: status === 410,
    retryAfterMs: retryAfterMs(headers['retry-after']),
  };
}

/** Seconds, or a date. */
function retryAfterMs(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const ms = /^\d{1,9}$/.test(given) ? Number(given) * 1000 : Date.parse(given) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

async function beginningOf(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      signal.throwIfAborted();
      chunks.push((chunk as Buffer).subarray(0, MAX_REASON_BYTES));
      bytes += (chunk as Buffer).length;
      if (bytes >= MAX_REASON_BYTES) break;
    }
  } catch {
    // The status is known; a body that breaks off has no more to say.
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks).subarray(0, MAX_REASON_BYTES).toString('utf8').trim();
}

/** Rejects when `signal` aborts, whatever becomes of the work. */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
