import { pathSegment } from './check-options.ts';
import { type HttpRequest, type RetryPolicy, requestJson } from './http-request.ts';

export interface DisconnectOptions {
  /** Reason sent to the client: 1 to 200 characters. */
  readonly reason?: string;
  /** The client comes back by itself, with what it missed. Default `false`: it stays away until it is told to connect. */
  readonly reconnect?: boolean;
}

/** Answers of the gateways. */
interface Asked {
  /** How many gateways answered. */
  readonly gateways: number;
  /** Gateways that did not answer within 2 s. Those that died a moment ago are among them; their clients have lost their connection. */
  readonly silent: readonly string[];
}

export interface Disconnected extends Asked {
  /** Connections that were ended. */
  readonly closed: number;
}

/** One connection of a user. */
export interface Session {
  readonly connection: string;
  /** The id that the client chose; absent when it chose none. */
  readonly session?: string;
  readonly gateway: string;
  /** Milliseconds since 1970-01-01 UTC, by the gateway's clock. */
  readonly connectedAt: number;
  /** How many channels it is subscribed to. */
  readonly subscriptions: number;
}

export interface UserSessions extends Asked {
  readonly user: string;
  /** Oldest first. */
  readonly sessions: readonly Session[];
  /** A gateway has more than the 500 that it tells of. */
  readonly more: boolean;
}

export interface UserOperationsDependencies {
  readonly url: string;
  readonly retry: RetryPolicy;
  readonly headers: () => Promise<Record<string, string>>;
}

/** Operations on users. A token needs the capability `control` for `#user:<id>`. */
export class Users {
  readonly #deps: UserOperationsDependencies;

  constructor(deps: UserOperationsDependencies) {
    this.#deps = deps;
  }

  /** Ends all connections of a user, on all gateways. @throws ApiError */
  async disconnect(userId: string, options: DisconnectOptions = {}): Promise<Disconnected> {
    return await post(this.#deps, `/v1/users/${pathSegment('userId', userId)}/disconnect`, options);
  }

  /** The connections of a user, on all gateways. @throws ApiError */
  async sessions(userId: string): Promise<UserSessions> {
    return await request(this.#deps, 'GET', `/v1/users/${pathSegment('userId', userId)}/sessions`);
  }
}

/** Operations on single sessions, by the ids that clients chose. A token needs the capability `control` for `#session:<id>`. */
export class Sessions {
  readonly #deps: UserOperationsDependencies;

  constructor(deps: UserOperationsDependencies) {
    this.#deps = deps;
  }

  /** Ends one session, wherever it is connected. @throws ApiError */
  async disconnect(session: string, options: DisconnectOptions = {}): Promise<Disconnected> {
    return await post(this.#deps, `/v1/sessions/${pathSegment('session', session)}/disconnect`, options);
  }
}

function post<Answer>(
  deps: UserOperationsDependencies,
  path: string,
  { reason, reconnect = false }: DisconnectOptions,
): Promise<Answer> {
  const body = reason === undefined ? { reconnect } : { reason, reconnect };
  return request(deps, 'POST', path, JSON.stringify(body));
}

async function request<Answer>(
  { url, retry, headers }: UserOperationsDependencies,
  method: HttpRequest['method'],
  path: string,
  body?: string,
): Promise<Answer> {
  return await requestJson<Answer>(
    {
      method,
      url: new URL(url + path),
      headers: {
        ...(await headers()),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body }),
    },
    retry,
  );
}
