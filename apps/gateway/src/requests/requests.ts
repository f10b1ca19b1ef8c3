import type { Broker, MethodKey, RequestNode } from '@carillon/broker';
import { pause } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';
import type { Connection } from '../session/connection.ts';
import { type PendingRequestLimits, PendingRequests } from './pending-requests.ts';
import { Workers } from './workers.ts';

export interface RequestsDependencies {
  readonly broker: Broker;
  readonly gateway: string;
  readonly telemetry: Telemetry;
  readonly limits: PendingRequestLimits;
}

/** A gateway's part in requests and responses: its clients ask, its workers answer. */
export class Requests {
  readonly asking: PendingRequests;
  readonly workers: Workers;
  readonly #node: RequestNode;
  #draining = false;
  #withdrawn = false;
  #methods: ReadonlyMap<MethodKey, number> = new Map();

  constructor({ broker, gateway, telemetry, limits }: RequestsDependencies) {
    this.workers = new Workers({
      telemetry,
      maxRequests: limits.maxRequests,
      offer: (methods) => this.#offer(methods),
    });
    this.#node = broker.requests(gateway, this.workers.answer);
    this.asking = new PendingRequests({
      node: this.#node,
      telemetry,
      limits,
      isDraining: () => this.#draining,
    });
  }

  /** The connection takes part: it is let go of when it ends. */
  attach(connection: Connection): void {
    connection.endRequests ??= () => {
      this.asking.ended(connection);
      this.workers.ended(connection);
    };
  }

  /** Has the connection asked something, or is it asked something, that is not answered? */
  isBusy(connection: Connection): boolean {
    return this.asking.isAsking(connection) || this.workers.isWorking(connection);
  }

  /** `false`: workers of this gateway get nothing new, until it is called with `true`. */
  async offersWorkers(offers: boolean): Promise<void> {
    this.#withdrawn = !offers;
    if (!this.#draining) await this.#node.offer(offers ? this.#methods : new Map());
  }

  /** Nothing new is taken; what is under way may end. */
  async drain(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    this.#draining = true;
    await this.#node.offer(new Map());
    while (this.asking.size + this.workers.size > 0 && performance.now() < deadlineMs) await pause(10);
  }

  stop(): Promise<void> {
    return this.#node.stop();
  }

  async #offer(methods: ReadonlyMap<MethodKey, number>): Promise<void> {
    this.#methods = methods;
    if (!this.#draining && !this.#withdrawn) await this.#node.offer(methods);
  }
}
