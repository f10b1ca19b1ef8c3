import { crc32 } from 'node:zlib';
import { allows, type Identity } from '@carillon/auth';
import type { Broker, ChannelKey, Dedupe, PublishOutcome } from '@carillon/broker';
import type { NamespacePolicy, NamespaceResolver } from '@carillon/config';
import { CarillonError, encodeRecord, type Position } from '@carillon/protocol';
import {
  type Counter,
  type Family,
  type Histogram,
  METRICS,
  type SpanHandle,
  type Telemetry,
} from '@carillon/telemetry';
import { channelKey } from '../channels/channel-name.ts';

export interface MessageToPublish {
  readonly channel: string;
  /** The payload's JSON text as it came. */
  readonly payloadJson: string;
  readonly event?: string | undefined;
  readonly producer?: { readonly id: string; readonly seq: number; readonly prev: number } | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly wantsStored: boolean;
  /** W3C traceparent of the publisher. */
  readonly trace?: string | undefined;
}

/** As the broker's, or accepted by this gateway alone. */
export type GatewayOutcome = PublishOutcome & { readonly degraded?: true };

/** Delivers to the subscribers of this gateway; `undefined` when the broker isn't away. */
type PublishLocally = (key: ChannelKey, record: string) => Position | undefined;

/** How long an Idempotency-Key is remembered. */
const IDEMPOTENCY_TTL_MS = 24 * 60 * 60 * 1000;

/** Text that may wait for the log's answer. Far more than waits while the log works; it is reached when the log stands still. */
const MAX_UNDER_WAY_CHARS = 16 * 1024 * 1024;

/** Checks a message, makes its record and hands it to the log. The same for WebSocket and HTTP. */
export class PublishMessage {
  readonly #broker: Broker;
  readonly #gateway: string;
  readonly #namespaces: NamespaceResolver;
  readonly #telemetry: Telemetry;
  readonly #results: Family<Counter>;
  readonly #latency: Histogram;
  readonly #publishLocally: PublishLocally;
  #counter = 0;
  /** Publishes that the log has not answered. */
  underWay = 0;
  #underWayChars = 0;

  constructor(
    broker: Broker,
    gateway: string,
    namespaces: NamespaceResolver,
    telemetry: Telemetry,
    publishLocally: PublishLocally,
  ) {
    this.#publishLocally = publishLocally;
    this.#broker = broker;
    this.#gateway = gateway;
    this.#namespaces = namespaces;
    this.#telemetry = telemetry;
    this.#results = telemetry.metrics.counters(METRICS.messagesIn);
    this.#latency = telemetry.metrics.histogram(METRICS.publishLatency);
  }

  /** Never rejects. The order of the calls is the order of the messages. */
  publish(identity: Identity, transport: 'ws' | 'http', message: MessageToPublish): Promise<GatewayOutcome> {
    const refusal = this.#refusal(identity, message);
    if (refusal === undefined) return this.#send(identity, transport, message);
    this.#results.labels(transport, refusal.code).add();
    return Promise.resolve({ status: 'refused', error: refusal });
  }

  #refusal(
    { capabilities }: Identity,
    { channel, payloadJson }: MessageToPublish,
  ): CarillonError | undefined {
    if (allows(capabilities, 'publish', channel)) {
      if (this.#underWayChars + payloadJson.length <= MAX_UNDER_WAY_CHARS || this.underWay === 0)
        return undefined;
      return new CarillonError(
        'UNAVAILABLE',
        `${this.underWay} messages wait for the message log to answer, as many as this gateway keeps; this one was not accepted.`,
        { retryAfterMs: 1000 },
      );
    }
    return new CarillonError(
      'PERMISSION_DENIED',
      `The token does not allow to publish on ${channel}: it needs the capability publish for this channel.`,
    );
  }

  async #send(
    identity: Identity,
    transport: 'ws' | 'http',
    message: MessageToPublish,
  ): Promise<GatewayOutcome> {
    const { channel, payloadJson, event, producer, wantsStored } = message;
    const startMs = performance.now();
    const span = this.#telemetry.spans.startSpan('gateway.publish', {
      parent: message.trace,
      kind: 'server',
      attributes: { 'carillon.channel': channel, 'carillon.transport': transport },
    });
    const id = `${this.#gateway}-${(this.#counter++).toString(36)}`;
    const policy = this.#namespaces.resolve(channel);
    // `trace` is last: traceOfRecord finds it from the header's end.
    const record = encodeRecord(
      {
        id,
        timestamp: Date.now(),
        ...(event === undefined ? {} : { event }),
        ...(identity.userId === undefined ? {} : { user: identity.userId }),
        ...(producer === undefined ? {} : { producer: producer.id }),
        ...(span.traceparent === undefined ? {} : { trace: span.traceparent }),
      },
      payloadJson,
    );
    const dedupe = dedupeOf(message, identity);
    this.underWay++;
    this.#underWayChars += payloadJson.length;
    const [outcome] = await this.#broker.publisher.publish([
      {
        channel: channelKey(identity.app, channel),
        id,
        record,
        keeping: policy,
        ...(dedupe === undefined ? {} : { dedupe }),
        ...(wantsStored && policy.durable ? { storedTo: this.#gateway } : {}),
      },
    ]);
    this.underWay--;
    this.#underWayChars -= payloadJson.length;
    const final = this.#orLocally(outcome!, policy, channelKey(identity.app, channel), record, id);
    this.#finish(span, transport, final, performance.now() - startMs);
    return final;
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

  #finish(span: SpanHandle, transport: string, outcome: PublishOutcome, tookMs: number): void {
    this.#latency.observe(tookMs / 1000);
    if (outcome.status === 'accepted') {
      this.#results.labels(transport, outcome.duplicate ? 'duplicate' : 'accepted').add();
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

function dedupeOf(
  { producer, idempotencyKey, payloadJson, event }: MessageToPublish,
  { userId }: Identity,
): Dedupe | undefined {
  // Per user: one client can't take another's sequence or key by guessing its name.
  // The length in front keeps (user, name) pairs apart whatever characters they hold.
  const owner = userId === undefined ? '' : `${userId.length}:${userId}|`;
  const fingerprint = crc32(event === undefined ? payloadJson : `${event}\n${payloadJson}`);
  if (producer !== undefined)
    return {
      kind: 'producer',
      producer: owner + producer.id,
      seq: producer.seq,
      prev: producer.prev,
      fingerprint,
    };
  return idempotencyKey === undefined
    ? undefined
    : { kind: 'key', key: owner + idempotencyKey, ttlMs: IDEMPOTENCY_TTL_MS, fingerprint };
}
