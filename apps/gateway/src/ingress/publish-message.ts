import { hash } from 'node:crypto';
import { allows, type Identity } from '@carillon/auth';
import type { Broker, ChannelKey, Dedupe, Publisher, PublishOutcome } from '@carillon/broker';
import type { NamespacePolicy, NamespaceResolver } from '@carillon/config';
import { CarillonError, encodeRecord, type Position } from '@carillon/protocol';
import {
  type Counter,
  type Family,
  type Histogram,
  METRICS,
  NO_SPAN,
  type SpanHandle,
  type Telemetry,
} from '@carillon/telemetry';
import { channelKey } from '../channels/channel-name.ts';
import { publicName } from '../session/public-name.ts';
import { dedupeOf, type RepeatableMessage } from './dedupe-of.ts';
import { permissionError } from './permission-error.ts';

export interface MessageToPublish extends RepeatableMessage {
  readonly channel: string;
  readonly wantsStored: boolean;
  /** W3C traceparent of the publisher. */
  readonly trace?: string | undefined;
}

type Transport = 'ws' | 'http';

/** Outcome of the broker, or an acceptance by this gateway alone. */
export type GatewayOutcome = PublishOutcome & { readonly degraded?: true };

/** Delivers to the subscribers of this gateway; `undefined` when the broker isn't away. */
type PublishLocally = (key: ChannelKey, record: string) => Position | undefined;

/** The part of the broker that publishing uses. */
interface MessageLog {
  readonly publisher: Pick<Publisher, 'send'>;
  readonly nowMs: Broker['nowMs'];
}

/** Text that may wait for the log's answer. Far more than waits while the log works; it is reached when the log stands still. */
const MAX_UNDER_WAY_CHARS = 16 * 1024 * 1024;

/** Checks a message, makes its record and hands it to the log. The same for WebSocket and HTTP. */
export class PublishMessage {
  readonly #broker: MessageLog;
  /** In the routing table. */
  readonly #gateway: string;
  /** In ids of messages. */
  readonly #publicName: string;
  readonly #namespaces: NamespaceResolver;
  readonly #telemetry: Telemetry;
  readonly #results: Family<Counter>;
  readonly #accepted: Readonly<Record<Transport, Counter>>;
  readonly #latency: Histogram;
  readonly #publishLocally: PublishLocally;
  #counter = 0;
  /** Publishes that the log has not answered. */
  underWay = 0;
  #underWayChars = 0;

  constructor(
    broker: MessageLog,
    gateway: string,
    namespaces: NamespaceResolver,
    telemetry: Telemetry,
    publishLocally: PublishLocally,
  ) {
    this.#publishLocally = publishLocally;
    this.#broker = broker;
    this.#gateway = gateway;
    this.#publicName = publicName(gateway);
    this.#namespaces = namespaces;
    this.#telemetry = telemetry;
    this.#results = telemetry.metrics.counters(METRICS.messagesIn);
    this.#accepted = {
      ws: this.#results.labels('ws', 'accepted'),
      http: this.#results.labels('http', 'accepted'),
    };
    this.#latency = telemetry.metrics.histogram(METRICS.publishLatency);
  }

  /** Never rejects. The order of the calls is the order of the messages. */
  publish(identity: Identity, transport: Transport, message: MessageToPublish): Promise<GatewayOutcome> {
    return new Promise((resolve) => this.send(identity, transport, message, resolve));
  }

  /** As `publish`, without a promise: `settle` is called once, later or at once. It must not throw. */
  send(
    identity: Identity,
    transport: Transport,
    message: MessageToPublish,
    settle: (outcome: GatewayOutcome) => void,
  ): void {
    const refusal = this.#refusal(identity, message);
    if (refusal === undefined) this.#send(identity, transport, message, settle);
    else {
      this.#results.labels(transport, refusal.code).add();
      settle({ status: 'refused', error: refusal });
    }
  }

  #refusal(
    identity: Identity,
    { channel, payloadJson, wantsStored }: MessageToPublish,
  ): CarillonError | undefined {
    if (allows(identity.capabilities, 'publish', channel)) {
      // Before it is published: a publisher that is refused must not find its message accepted.
      if (wantsStored && !this.#namespaces.resolve(channel).durable) return notDurable(channel);
      if (this.#underWayChars + payloadJson.length <= MAX_UNDER_WAY_CHARS || this.underWay === 0)
        return undefined;
      return new CarillonError(
        'UNAVAILABLE',
        `${this.underWay} messages wait for the message log to answer, as many as this gateway keeps; this one was not accepted.`,
        { retryAfterMs: 1000 },
      );
    }
    return permissionError(identity, `publishing to ${channel}`, 'publish', { channel });
  }

  #send(
    identity: Identity,
    transport: Transport,
    message: MessageToPublish,
    settle: (outcome: GatewayOutcome) => void,
  ): void {
    const { channel, payloadJson, event, producer, wantsStored } = message;
    const startMs = performance.now();
    const span = this.#spanOf(channel, transport, message.trace);
    const key = channelKey(identity.app, channel);
    const dedupe = dedupeOf(message, identity);
    const id =
      dedupe === undefined ? `${this.#publicName}-${(this.#counter++).toString(36)}` : idOf(key, dedupe);
    const policy = this.#namespaces.resolve(channel);
    // `trace` is last: traceOfRecord finds it from the header's end.
    const record = encodeRecord(
      {
        id,
        timestamp: this.#broker.nowMs(),
        event,
        user: identity.userId,
        producer: producer?.id,
        trace: span.traceparent,
      },
      payloadJson,
    );
    const chars = payloadJson.length;
    this.underWay++;
    this.#underWayChars += chars;
    this.#broker.publisher.send(
      {
        channel: key,
        id,
        record,
        keeping: policy,
        dedupe,
        storedTo: wantsStored && policy.durable ? this.#gateway : undefined,
      },
      (outcome) => {
        this.underWay--;
        this.#underWayChars -= chars;
        const final = this.#orLocally(outcome, policy, key, record, id);
        this.#finish(span, transport, final, performance.now() - startMs);
        settle(final);
      },
    );
  }

  #spanOf(channel: string, transport: Transport, parent: string | undefined): SpanHandle {
    const { spans } = this.#telemetry;
    if (!spans.enabled) return NO_SPAN;
    return spans.startSpan('gateway.publish', {
      parent,
      kind: 'server',
      attributes: { 'carillon.channel': channel, 'carillon.transport': transport },
    });
  }

  /** [DG3] What is kept nowhere can go on without the broker. */
  #orLocally(
    outcome: PublishOutcome,
    policy: NamespacePolicy,
    key: ChannelKey,
    record: string,
    id: string,
  ): GatewayOutcome {
    if (outcome.status === 'accepted' || !policy.ephemeral || outcome.error.code !== 'UNAVAILABLE')
      return outcome;
    const position = this.#publishLocally(key, record);
    return position === undefined
      ? outcome
      : { status: 'accepted', ...position, id, duplicate: false, degraded: true };
  }

  #finish(span: SpanHandle, transport: Transport, outcome: PublishOutcome, tookMs: number): void {
    this.#latency.observe(tookMs / 1000);
    if (outcome.status === 'accepted') {
      if (outcome.duplicate) this.#results.labels(transport, 'duplicate').add();
      else this.#accepted[transport].add();
      if (span === NO_SPAN) return;
      span.set({
        'carillon.epoch': outcome.epoch,
        'carillon.seq': outcome.seq,
        'carillon.message': outcome.id,
      });
    } else {
      this.#results.labels(transport, outcome.error.code).add();
      span.fail(outcome.error);
    }
    span.end();
  }
}

function notDurable(channel: string): CarillonError {
  return new CarillonError(
    'NOT_DURABLE',
    `Messages of ${channel} are not stored: its namespace is not durable. The message was not published.`,
  );
}

/**
 * The id of a message that may be sent again: the same each time, whichever gateway gets it. When Redis loses a message that was delivered
 * and whose publisher has no answer, the repeat gets another position, and only the id tells that it is no news [PO4].
 */
function idOf(key: ChannelKey, dedupe: Dedupe): string {
  const name = dedupe.kind === 'producer' ? `p${dedupe.producer}\n${dedupe.seq}` : `k${dedupe.key}`;
  return hash('sha1', `${key}\n${name}`, 'base64url');
}
