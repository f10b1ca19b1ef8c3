import { allows, type Identity } from '@carillon/auth';
import { CarillonError, isSessionId, sessionChannel, userChannel } from '@carillon/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { identityOf } from '../admission/http-admission.ts';
import { permissionError } from '../ingress/permission-error.ts';
import type { ControlChannel } from './control-channel.ts';
import type { ControlTarget } from './session-operations.ts';

const MAX_REASON_LENGTH = 200;

export interface UserRoutesDependencies {
  readonly authenticate: onRequestAsyncHookHandler;
  readonly control: Pick<ControlChannel, 'ask'>;
}

/**
 * Users and sessions, for back ends. Needs the capability `control` for the user's or the session's own channel: `#user:ada`,
 * `#session:...`.
 */
export class UserRoutes {
  readonly #deps: UserRoutesDependencies;

  constructor(deps: UserRoutesDependencies) {
    this.#deps = deps;
  }

  /** After the routes of messages, whose parser of bodies this shares. */
  register(server: FastifyInstance): void {
    const { authenticate: onRequest } = this.#deps;
    server.get('/v1/users/:user/sessions', { onRequest }, (request, reply) => this.#sessions(request, reply));
    server.post('/v1/users/:user/disconnect', { onRequest }, async (request) =>
      this.#disconnect(request, await this.#userOf(request)),
    );
    server.post('/v1/sessions/:session/disconnect', { onRequest }, async (request) =>
      this.#disconnect(request, await this.#sessionOf(request)),
    );
  }

  async #disconnect(request: FastifyRequest, target: ControlTarget): Promise<object> {
    const { reason, reconnect } = readDisconnect(request.body);
    const { answers, silent } = await this.#deps.control.ask({
      action: 'disconnect',
      target,
      reason,
      reconnect,
    });
    const closed = answers.reduce((sum, answer) => sum + (answer.closed ?? 0), 0);
    return { closed, gateways: answers.length, silent };
  }

  async #sessions(request: FastifyRequest, reply: FastifyReply): Promise<object> {
    const target = await this.#userOf(request);
    const { answers, silent } = await this.#deps.control.ask({ action: 'sessions', target });
    reply.header('cache-control', 'no-store');
    return {
      user: target.user,
      sessions: answers
        .flatMap(({ sessions = [] }) => sessions)
        .toSorted((a, b) => a.connectedAt - b.connectedAt),
      more: answers.some(({ more }) => more === true),
      gateways: answers.length,
      silent,
    };
  }

  async #userOf(request: FastifyRequest): Promise<ControlTarget> {
    const identity = identityOf(request);
    const { user } = request.params as { user: string };
    const channel = userChannel(user);
    if (channel === undefined)
      throw new CarillonError(
        'CHANNEL_INVALID',
        "The user in the address is too long for a personal channel's name.",
      );
    checkRight(identity, channel);
    return { app: identity.app, user };
  }

  async #sessionOf(request: FastifyRequest): Promise<ControlTarget> {
    const identity = identityOf(request);
    const { session } = request.params as { session: string };
    if (!isSessionId(session))
      throw new CarillonError(
        'CHANNEL_INVALID',
        'The session in the address is none: allowed are 16 to 64 letters, digits, _ or -.',
      );
    checkRight(identity, sessionChannel(session));
    return { app: identity.app, session };
  }
}

function checkRight(identity: Identity, channel: string): void {
  if (allows(identity.capabilities, 'control', channel)) return;
  throw permissionError(identity, `controlling ${channel}`, 'control', { channel });
}

/** Nothing at all is as good as `{}`. */
function readDisconnect(body: unknown): { readonly reason: string | undefined; readonly reconnect: boolean } {
  if (body === undefined || body === null || body === '') return { reason: undefined, reconnect: false };
  let read: unknown;
  try {
    read = JSON.parse(String(body));
  } catch (cause) {
    throw new CarillonError(
      'BODY_INVALID',
      'The body is not JSON; allowed: {"reason": ..., "reconnect": ...}.',
      {
        cause,
      },
    );
  }
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new CarillonError('BODY_INVALID', 'The body is not a JSON object.');
  const unknown = Object.keys(read).find((name) => name !== 'reason' && name !== 'reconnect');
  if (unknown !== undefined)
    throw new CarillonError(
      'BODY_INVALID',
      `${unknown.slice(0, 64)} is not known; allowed are reason and reconnect.`,
    );
  const { reason, reconnect = false } = read as { reason?: unknown; reconnect?: unknown };
  if (typeof reconnect !== 'boolean')
    throw new CarillonError('BODY_INVALID', 'reconnect: allowed are true and false.');
  if (reason !== undefined && !isReason(reason))
    throw new CarillonError(
      'BODY_INVALID',
      `reason: allowed is text of 1 to ${MAX_REASON_LENGTH} characters.`,
    );
  return { reason, reconnect };
}

function isReason(reason: unknown): reason is string {
  return typeof reason === 'string' && reason.length > 0 && reason.length <= MAX_REASON_LENGTH;
}
