import { crc32 } from 'node:zlib';
import type { Publisher } from '@carillon/broker';
import {
  CLIENT_EVENTS_CHANNEL_PREFIX,
  type ClientEvent,
  type ClientEventName,
  encodeRecord,
} from '@carillon/protocol';
import { backoffMs, pause } from '@carillon/service';
import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { channelKey } from '../channels/channel-name.ts';
import type { Connection } from './connection.ts';

/** Most events that wait for the log; further ones are not told. */
const MAX_WAITING = 10_000;
/** How long an event is tried; the log is away, and clients go on without it. */
const TRIED_FOR_MS = 60_000;
const REMEMBERED_MS = 3_600_000;
const SETTLE_TIMEOUT_MS = 2000;

export interface ClientEventsDependencies {
  readonly gateway: string;
  readonly publisher: Pick<Publisher, 'publish'>;
  /** The clock that all services share. */
  readonly nowMs: () => number;
  readonly telemetry: Telemetry;
}

/**
 * Puts the coming and going of clients into the log, from where webhooks tell of it. A channel of its own per gateway: the two events
 * of a connection stay in order.
 */
export class ClientEvents {
  readonly #deps: ClientEventsDependencies;
  readonly #log: RepeatedLog;
  readonly #stopped = new AbortController();
  readonly #waiting = new Set<Promise<void>>();

  constructor(deps: ClientEventsDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.telemetry.loggerOf('gateway'));
  }

  /** The client was let in. Its going is seen from here, too. */
  readonly connected = (connection: Connection): void => {
    const { connectionId, identity, webSocket } = connection;
    const { app, userId: user } = identity!;
    const { gateway, nowMs } = this.#deps;
    const event = { connection: connectionId, gateway, user, connectedAt: nowMs() };
    const told = this.#tell(app, 'client.connected', event);
    webSocket.once('close', (code: number) => {
      const gone = { ...event, disconnectedAt: nowMs(), code };
      void this.#tell(app, 'client.disconnected', gone, told);
    });
  };

  /** When the clients have gone: waits a moment for what the log has not taken. */
  async stop(): Promise<void> {
    const timer = setTimeout(() => this.#stopped.abort(), SETTLE_TIMEOUT_MS);
    await Promise.all(this.#waiting);
    clearTimeout(timer);
  }

  #tell(app: string, name: ClientEventName, event: ClientEvent, after?: Promise<void>): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) {
      this.#log.warn({ event: name }, 'too many events of clients wait for the log: some are not told');
      return Promise.resolve();
    }
    const work = this.#publish(app, name, event, after).finally(() => this.#waiting.delete(work));
    this.#waiting.add(work);
    return work;
  }

  async #publish(
    app: string,
    name: ClientEventName,
    event: ClientEvent,
    after?: Promise<void>,
  ): Promise<void> {
    await after;
    const { gateway, publisher } = this.#deps;
    const id = `${event.connection}-${name === 'client.connected' ? 'in' : 'out'}`;
    const payload = JSON.stringify(event);
    const header = { id, timestamp: event.disconnectedAt ?? event.connectedAt, event: name };
    const publication = {
      channel: channelKey(app, `${CLIENT_EVENTS_CHANNEL_PREFIX}${gateway}`),
      id,
      record: encodeRecord(header, payload),
      keeping: { history: undefined, durable: true },
      dedupe: { kind: 'key', key: id, ttlMs: REMEMBERED_MS, fingerprint: crc32(payload) },
    } as const;
    const deadline = performance.now() + TRIED_FOR_MS;
    for (let attempt = 1; ; attempt++) {
      const [outcome] = await publisher.publish([publication]);
      if (outcome!.status === 'accepted') return;
      const { error } = outcome!;
      if (!error.retryable || performance.now() > deadline || this.#stopped.signal.aborted) {
        this.#log.warn({ err: error, event: name }, 'an event of a client is not told');
        return;
      }
      await pause(backoffMs(attempt, { maxMs: 5000 }), this.#stopped.signal);
    }
  }
}
