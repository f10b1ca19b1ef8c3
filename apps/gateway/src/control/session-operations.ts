import { CLOSES } from '@carillon/protocol';
import type { Logger } from '@carillon/telemetry';
import type { Connection } from '../session/connection.ts';
import type { Connections } from '../session/connections.ts';

/** Connections that an operation applies to: those of a user or of a session. */
export type ControlTarget = { readonly app: string } & (
  | { readonly user: string; readonly session?: never }
  | { readonly session: string; readonly user?: never }
);

/** Commands that gateways send each other. */
export type ControlCommand =
  | {
      readonly action: 'disconnect';
      readonly target: ControlTarget;
      readonly reason?: string | undefined;
      readonly reconnect: boolean;
    }
  | { readonly action: 'sessions'; readonly target: ControlTarget };

/** A connection of a user, as back ends see it. */
export interface SessionInfo {
  readonly connection: string;
  /** [CH6] Absent: the client brought none. */
  readonly session?: string;
  readonly gateway: string;
  /** In milliseconds since 1970-01-01 UTC, by the clock that all services share. */
  readonly connectedAt: number;
  /** How many. */
  readonly subscriptions: number;
}

export interface ControlAnswer {
  /** Connections that are being closed. */
  readonly closed?: number;
  readonly sessions?: readonly SessionInfo[];
  /** There are more than an answer holds. */
  readonly more?: boolean;
}

/** Sessions that one gateway tells of. */
const MAX_SESSIONS = 500;

export interface SessionOperationsDependencies {
  readonly gateway: string;
  readonly connections: Connections;
  /** The clock that all services share. */
  readonly nowMs: () => number;
  readonly logger: Logger;
}

/** Carries out commands on the connections of this gateway. */
export class SessionOperations {
  readonly #deps: SessionOperationsDependencies;

  constructor(deps: SessionOperationsDependencies) {
    this.#deps = deps;
  }

  readonly execute = (command: ControlCommand): ControlAnswer => {
    const found = this.#find(command.target);
    switch (command.action) {
      case 'disconnect': {
        const name = command.reconnect ? 'DISCONNECTED' : 'ENDED_BY_BACKEND';
        for (const connection of found) connection.close(name, command.reason ?? CLOSES[name].meaning);
        if (found.length > 0)
          this.#deps.logger.info(
            { ...command.target, closed: found.length, reconnect: command.reconnect },
            'clients were disconnected by a back end',
          );
        return { closed: found.length };
      }
      case 'sessions':
        return {
          sessions: found.slice(0, MAX_SESSIONS).map((connection) => this.#infoOf(connection)),
          more: found.length > MAX_SESSIONS,
        };
    }
  };

  #find({ app, user, session }: ControlTarget): readonly Connection[] {
    const found: Connection[] = [];
    for (const connection of this.#deps.connections.all()) {
      const { identity, state } = connection;
      if (identity?.app !== app || state === 'closing') continue;
      if (user === undefined ? connection.session === session : identity.userId === user)
        found.push(connection);
    }
    return found;
  }

  #infoOf({ connectionId, session, openedAtMs, subscriptions }: Connection): SessionInfo {
    return {
      connection: connectionId,
      ...(session === undefined ? {} : { session }),
      gateway: this.#deps.gateway,
      connectedAt: Math.round(this.#deps.nowMs() - performance.now() + openedAtMs),
      subscriptions: subscriptions.size,
    };
  }
}
