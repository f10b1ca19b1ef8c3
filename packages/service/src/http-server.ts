import type { IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';
import { CarillonError, ERRORS, type ErrorBody } from '@carillon/protocol';
import type { Telemetry } from '@carillon/telemetry';
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { answerClientError } from './answer-client-error.ts';
import { drainBody, hasBody } from './drain-body.ts';
import { hostFault } from './host-header.ts';
import { HttpConnections } from './http-connections.ts';
import { addressesOf, listenBeside } from './loopback.ts';
import { rememberMethods } from './method-not-allowed.ts';
import { proxyHint } from './proxy-hint.ts';
import type { Part } from './service.ts';

/** A request that takes longer than this is cut off when the service stops. */
const CLOSE_TIMEOUT_MS = 5000;

/** A client that takes longer than this to send a request, from its connecting, is cut off: it holds a socket. */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Routes check what they get with zod and have no JSON schemas. Without this Fastify loads its compilers of schemas all the same, a
 * hundred files.
 */
const NO_SCHEMAS = {
  compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema },
};

/**
 * An answer stalls when the kernel takes none of it for so many times the time for a request. On a slow line the kernel takes it in steps,
 * a third of its buffer each.
 */
const STALL_TIMEOUTS = 3;

/** By server. */
const CONNECTIONS = new WeakMap<FastifyInstance, HttpConnections>();

function refuseSchema(): never {
  throw new Error('routes have no JSON schemas here');
}

export interface Listener {
  readonly host: string;
  readonly port: number;
}

export interface HttpServerOptions extends FastifyServerOptions {
  /**
   * Selects requests that become something else than HTTP; default: none. Node asks before it lets go of a request and
   * its body.
   */
  readonly shouldUpgrade?: (request: IncomingMessage) => boolean;
  /** Milliseconds. */
  readonly requestTimeout?: number;
}

/** Fastify with errors in the form of the registry: `{error: {code, message, retryable}}`. */
export function createHttpServer(telemetry: Telemetry, options: HttpServerOptions = {}): FastifyInstance {
  // Idle: what is being answered while the service stops is answered; `listening` cuts it off in the end.
  const { requestTimeout = REQUEST_TIMEOUT_MS, shouldUpgrade = () => false, ...others } = options;
  const server = Fastify({
    forceCloseConnections: 'idle',
    frameworkErrors: answerUnroutable,
    clientErrorHandler: answerClientError,
    requestTimeout,
    schemaController: NO_SCHEMAS,
    ...withNodeOptions(others, {
      // Node looks for slow requests every 30 s by itself: too seldom for shorter timeouts.
      connectionsCheckingInterval: Math.ceil(requestTimeout / 4),
      // `hostFault` says it with a code, and on requests to upgrade, too.
      requireHostHeader: false,
      shouldUpgradeCallback: (request: IncomingMessage) =>
        hostFault(request) === undefined && shouldUpgrade(request),
    }),
  });
  server.server.headersTimeout = requestTimeout;
  CONNECTIONS.set(server, new HttpConnections(server, STALL_TIMEOUTS * requestTimeout));
  const logger = telemetry.loggerOf('http');
  server.setErrorHandler(async (error: FastifyError, request, reply) => {
    const known = toCarillonError(error);
    if (known.code === 'INTERNAL')
      logger.error({ err: error, method: request.method, path: request.routeOptions.url }, 'request failed');
    if (known.retryAfterMs !== undefined) reply.header('retry-after', Math.ceil(known.retryAfterMs / 1000));
    // Half of the time that the request has to come.
    const isDrained = await drainBody(request.raw, requestTimeout / 2);
    // Fastify wants to end the connection after each error about a body.
    if (!isDrained || reply.hasHeader('connection'))
      reply.header('connection', isDrained && reply.raw.shouldKeepAlive ? 'keep-alive' : 'close');
    return await reply.code(ERRORS[known.code].status).send({ error: errorBody(known) });
  });
  server.addHook('onRequest', (request, _reply, done) => done(hostFault(request.raw)));
  answerNotFound(server);
  return server;
}

function answerNotFound(server: FastifyInstance): void {
  const methodsAt = rememberMethods(server);
  const refuse = (request: FastifyRequest, reply: FastifyReply): CarillonError => {
    const path = request.url.split('?')[0]!;
    const allowed = methodsAt(request.url).filter((method) => method !== 'OPTIONS');
    if (allowed.length === 0 || allowed.includes(request.method))
      return new CarillonError(
        'NOT_FOUND',
        `There is nothing at ${request.method} ${path}${proxyHint(path)}`,
      );
    reply.header('allow', allowed.join(', '));
    return new CarillonError(
      'METHOD_NOT_ALLOWED',
      `${path} does not take ${request.method}; it takes ${allowed.join(', ')}.`,
    );
  };
  // Before a body is read that nobody wants.
  server.addHook('preParsing', (request, reply, payload, done) => {
    if (request.is404 && hasBody(request.raw)) done(refuse(request, reply));
    else done(null, payload);
  });
  server.setNotFoundHandler((request, reply) => {
    throw refuse(request, reply);
  });
}

/** Answers what is under way and takes nothing new: before the parts that answers need are stopped. */
export async function drainHttp(server: FastifyInstance, timeoutMs: number): Promise<void> {
  await CONNECTIONS.get(server)?.drain(timeoutMs);
}

/** An address that can't be read, e.g. with `%zz`, comes to no route and to no error handler. */
function answerUnroutable(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  const known = toCarillonError(error);
  reply.code(ERRORS[known.code].status).send({ error: errorBody(known) });
}

function withNodeOptions(options: FastifyServerOptions, ofNode: object): FastifyServerOptions {
  const { https } = options as { readonly https?: object | null };
  return https === undefined || https === null
    ? ({ ...options, http: ofNode } as FastifyServerOptions)
    : ({ ...options, https: { ...https, ...ofNode } } as FastifyServerOptions);
}

/**
 * Connections that wait to be accepted; the kernel may lower it (net.core.somaxconn). With Node's 511, ten thousand clients that come back
 * at once overflowed it 60,000 times, and each overflow costs a client a retransmission: a second, then two, then four.
 */
const BACKLOG = 4096;

/** The server as the part of a service that listens. Its port is in `server.server.address()` once it has started. */
export function listening(server: FastifyInstance, { host, port }: Listener): Part {
  const beneathTls = socketsBeneathTls(server);
  return {
    name: `listener on ${host}:${port}`,
    start: async () => {
      const [first, ...others] = addressesOf(host);
      await unlessTaken(first, port, () => server.listen({ host: first, port, backlog: BACKLOG }));
      const { port: given } = server.server.address() as AddressInfo;
      for (const other of others)
        await unlessTaken(other, given, async () => {
          const beside = await listenBeside(server.server, { host: other, port: given, backlog: BACKLOG });
          if (beside !== undefined) CONNECTIONS.get(server)?.listeners.push(beside);
        });
    },
    stop: async () => {
      await drainHttp(server, CLOSE_TIMEOUT_MS);
      const closed = server.close();
      // A connection on which nothing was ever asked doesn't count as idle in Node and would be waited for.
      server.server.closeAllConnections();
      // Nor does Node know of those that haven't come through the handshake of TLS yet.
      for (const socket of beneathTls) socket.destroy();
      await closed;
    },
  };
}

async function unlessTaken(host: string, port: number, listen: () => Promise<unknown>): Promise<void> {
  try {
    await listen();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE')
      throw new Error(`port ${port} of ${host} is taken by another process`, { cause: error });
    throw error;
  }
}

/** All open ones of a server with TLS. Bounded by the file descriptors. */
function socketsBeneathTls({ server }: FastifyInstance): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  if (server instanceof TlsServer)
    server.on('connection', (socket: Socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    });
  return open;
}

export function errorBody(error: CarillonError): ErrorBody & { readonly lastSeq?: number } {
  const { code, message, retryable, retryAfterMs, lastSeq } = error;
  return {
    ...{ code, message, retryable },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(lastSeq === undefined ? {} : { lastSeq }),
  };
}

/** Fastify's own errors in terms of the registry. */
function toCarillonError(error: FastifyError): CarillonError {
  if (error instanceof CarillonError) return error;
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new CarillonError('FRAME_TOO_LARGE', 'The body is larger than this address takes.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new CarillonError(
        'CONTENT_TYPE_UNSUPPORTED',
        'The content type is not supported: send application/json.',
      );
    case 'FST_ERR_BAD_URL':
      // Node's error text repeats the address, which may carry a token.
      return new CarillonError('NOT_FOUND', 'The address is not a valid URL: look at its percent-encoding.');
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new CarillonError('BODY_INVALID', `The body is not JSON: ${error.message}`);
    default:
      return error.statusCode !== undefined && error.statusCode < 500
        ? new CarillonError('BODY_INVALID', error.message)
        : new CarillonError('INTERNAL', undefined, { cause: error });
  }
}
