import { randomBytes } from 'node:crypto';
import type { AnswerRequest, Broker, GivenRequest, MethodKey } from '@carillon/broker';
import type { ResponderEndpoint } from '@carillon/config';
import { CarillonError, decodeRequest, encodeAnswer } from '@carillon/protocol';
import { pause, type ServiceShell } from '@carillon/service';
import { type Counter, type Family, type Histogram, METRICS, type Telemetry } from '@carillon/telemetry';
import { AddressPolicy } from '../webhooks/public-address.ts';
import type { WebhooksOptions } from '../webhooks/webhooks.ts';
import { askEndpoint } from './ask-endpoint.ts';
import { Turnstile } from './turnstile.ts';

const DRAIN_TIMEOUT_MS = 8000;

interface RespondersDependencies {
  readonly broker: Broker;
  readonly telemetry: Telemetry;
}

/** A responder like a gateway with workers: it offers the methods of its endpoints, and asks them over HTTP. */
export function addResponders(
  shell: ServiceShell,
  options: WebhooksOptions | undefined,
  { broker, telemetry }: RespondersDependencies,
): void {
  const { responders = [], allowedNetworks = [] } = options ?? {};
  if (responders.length === 0) return;
  const endpoints = new Endpoints(responders, new AddressPolicy(allowedNetworks), telemetry);
  // A restarted process must not be taken for its predecessor.
  const node = broker.requests(`${telemetry.instanceId}-${randomBytes(3).toString('hex')}`, endpoints.answer);
  shell.add({
    name: 'responders',
    start: () => node.offer(endpoints.capacities()),
    stop: async () => {
      await node.offer(new Map());
      await endpoints.drain(DRAIN_TIMEOUT_MS);
      await node.stop();
    },
  });
}

class Endpoints {
  readonly #byMethod = new Map<
    MethodKey,
    { readonly endpoint: ResponderEndpoint; readonly turnstile: Turnstile }
  >();
  readonly #addresses: AddressPolicy;
  readonly #telemetry: Telemetry;
  readonly #results: Family<Counter>;
  readonly #seconds: Histogram;
  #underWay = 0;

  constructor(responders: readonly ResponderEndpoint[], addresses: AddressPolicy, telemetry: Telemetry) {
    this.#addresses = addresses;
    this.#telemetry = telemetry;
    this.#results = telemetry.metrics.counters(METRICS.responderRequests);
    this.#seconds = telemetry.metrics.histogram(METRICS.responderSeconds);
    for (const endpoint of responders) {
      const turnstile = new Turnstile(endpoint.concurrency);
      for (const app of endpoint.apps)
        for (const method of endpoint.methods)
          this.#byMethod.set(`${app}/${method}`, { endpoint, turnstile });
    }
  }

  capacities(): ReadonlyMap<MethodKey, number> {
    return new Map([...this.#byMethod].map(([method, { endpoint }]) => [method, endpoint.concurrency]));
  }

  readonly answer: AnswerRequest = async (request, signal) => {
    const known = this.#byMethod.get(request.method);
    if (known === undefined) throw new CarillonError('NO_RESPONDER');
    this.#underWay++;
    const enteredMs = performance.now();
    try {
      const leave = await known.turnstile.enter(signal);
      const waitedMs = performance.now() - enteredMs;
      try {
        if (!request.mayBegin()) throw new CarillonError('NO_RESPONDER');
        return await this.#ask(
          known.endpoint,
          { ...request, timeoutMs: request.timeoutMs - waitedMs },
          signal,
        );
      } finally {
        leave();
      }
    } finally {
      this.#underWay--;
    }
  };

  async #ask(endpoint: ResponderEndpoint, request: GivenRequest, signal: AbortSignal): Promise<string> {
    const span = this.#telemetry.spans.startChild(
      'persistence.ask_endpoint',
      decodeRequest(request.body).header.trace,
      {
        kind: 'client',
        attributes: { 'carillon.request': request.id, 'carillon.endpoint': endpoint.name },
      },
    );
    const startMs = performance.now();
    try {
      const answer = await askEndpoint(endpoint, request, { addresses: this.#addresses, span, signal });
      this.#results.labels(endpoint.name, 'error' in answer ? answer.error.code : 'answered').add();
      return encodeAnswer(answer);
    } catch (error) {
      const code = error instanceof CarillonError ? error.code : 'INTERNAL';
      this.#results.labels(endpoint.name, signal.aborted ? 'REQUEST_CANCELLED' : code).add();
      span.fail(error);
      throw error;
    } finally {
      this.#seconds.observe((performance.now() - startMs) / 1000);
      span.end();
    }
  }

  async drain(timeoutMs: number): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    while (this.#underWay > 0 && performance.now() < deadlineMs) await pause(10);
  }
}
