import { extractToken, type Identity } from '@carillon/auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from '../session/authenticate.ts';
import { addressLimit } from './admission.ts';
import type { ClientSockets } from './client-sockets.ts';

const IDENTITY = Symbol('identity');
type KnownRequest = FastifyRequest & { [IDENTITY]?: Identity };

export interface HttpAdmissionDependencies {
  readonly authenticator: Authenticator;
  readonly sockets: ClientSockets;
  readonly limits: { readonly maxConnectionsPerAddress: number };
}

/** Checks of an HTTP request before its body is read. */
export class HttpAdmission {
  readonly #deps: HttpAdmissionDependencies;

  constructor(deps: HttpAdmissionDependencies) {
    this.#deps = deps;
  }

  register(server: FastifyInstance): void {
    const { sockets, limits } = this.#deps;
    server.addHook('onRequest', (request, reply, done) => {
      const client = sockets.of(request.raw.socket);
      if (!sockets.isAboveAddressLimit(client)) done();
      else {
        reply.raw.shouldKeepAlive = false;
        done(addressLimit(client, limits.maxConnectionsPerAddress));
      }
    });
  }

  /** For routes that need a token, as their `onRequest`. @throws CarillonError (as a rejection) */
  readonly authenticate = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { authenticator, sockets } = this.#deps;
    const { raw, headers, url } = request;
    const identity = await authenticator.authenticate(
      extractToken({ authorization: headers.authorization, url })?.token,
    );
    (request as KnownRequest)[IDENTITY] = identity;
    // A gateway that is full answers, but keeps no further connection.
    if (!sockets.authenticated(sockets.of(raw.socket))) reply.raw.shouldKeepAlive = false;
  };
}

/** Identity of the requester, on a route with `authenticate`. */
export function identityOf(request: FastifyRequest): Identity {
  const identity = (request as KnownRequest)[IDENTITY];
  if (identity === undefined) throw new Error(`${request.routeOptions.url} does not authenticate`);
  return identity;
}
