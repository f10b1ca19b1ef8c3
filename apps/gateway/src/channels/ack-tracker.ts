import { type AckCursor, type Broker, type ChannelKey, countAfter } from '@carillon/broker';
import { CarillonError, type Position } from '@carillon/protocol';
import { type Counter, METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import type { Channel } from './channel.ts';
import { isLocal } from './known-lineage.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';

/** Cursors read from the broker in one round; the others wait for the next rounds, in turn. */
const MAX_READS_PER_ROUND = 1000;

/** A consumer as a subscription names it. */
export interface ConsumerTerms {
  /** The broker's name of the user's consumer. */
  readonly name: string;
  readonly ackTimeoutMs: number;
  /** How far it had got when the subscription began. */
  readonly acked: Position;
}

/** A consumer with subscriptions on this gateway, which share what is acknowledged. */
interface Consumer {
  readonly key: string;
  readonly name: string;
  readonly channel: Channel;
  readonly ackTimeoutMs: number;
  acked: Position;
  /** Since when messages are open without an acknowledgement, on the clock of performance.now(); `undefined`: nothing is open. */
  readonly openSinceMs: Map<Subscription, number | undefined>;
}

interface Written {
  readonly channel: ChannelKey;
  readonly consumer: string;
  readonly position: Position;
  readonly durable: boolean;
}

export interface AckTrackerDependencies {
  readonly broker: Pick<Broker, 'acks' | 'nowMs'>;
  readonly subscribing: Subscriptions;
  readonly telemetry: Telemetry;
  readonly gateway: string;
}

/**
 * [AK1]-[AK5] Takes acknowledgements, writes them to the broker in batches, and sends again what stays open. Subscriptions of one consumer
 * on other gateways share their acknowledgements through the broker: the cursor is read before anything is sent again, and at no other time.
 */
export class AckTracker {
  readonly #broker: Pick<Broker, 'acks' | 'nowMs'>;
  readonly #subscribing: Subscriptions;
  readonly #gateway: string;
  readonly #log: RepeatedLog;
  readonly #redelivered: Counter;
  readonly #consumers = new Map<string, Consumer>();
  /** Bounded by the subscriptions, as the next two are. */
  readonly #bySubscription = new Map<Subscription, Consumer>();
  /** Newest position per channel and consumer that the broker doesn't have yet. */
  #unwritten = new Map<string, Written>();

  constructor({ broker, subscribing, telemetry, gateway }: AckTrackerDependencies) {
    this.#broker = broker;
    this.#gateway = gateway;
    this.#subscribing = subscribing;
    this.#log = new RepeatedLog(telemetry.loggerOf('channels'));
    this.#redelivered = telemetry.metrics.counter(METRICS.redeliveries);
  }

  /** [AK2] Where a consumer goes on. @throws CarillonError CONSUMER_LIMIT, HISTORY_UNAVAILABLE, LOG_FULL, UNAVAILABLE */
  async begin(channel: Channel, consumer: string, initial: Position): Promise<Position> {
    const { key, policy } = channel;
    const unwritten = this.#unwritten.get(keyOf(key, consumer))?.position;
    const opening = { durable: policy.durable, gateway: this.#gateway };
    const kept = await this.#broker.acks.open(key, consumer, initial, opening);
    // Another gateway may have written what comes after it.
    return unwritten !== undefined && channel.isBefore(kept, unwritten) ? unwritten : kept;
  }

  watch(subscription: Subscription, { name, ackTimeoutMs, acked }: ConsumerTerms): void {
    const { channel } = subscription;
    const key = keyOf(channel.key, name);
    const consumer = this.#consumers.get(key) ?? {
      key,
      name,
      channel,
      ackTimeoutMs,
      acked,
      openSinceMs: new Map(),
    };
    if (channel.isBefore(consumer.acked, acked)) consumer.acked = acked;
    consumer.openSinceMs.set(subscription, undefined);
    this.#consumers.set(key, consumer);
    this.#bySubscription.set(subscription, consumer);
  }

  forget(subscription: Subscription): void {
    const consumer = this.#bySubscription.get(subscription);
    if (consumer === undefined) return;
    this.#bySubscription.delete(subscription);
    consumer.openSinceMs.delete(subscription);
    if (consumer.openSinceMs.size === 0) this.#consumers.delete(consumer.key);
  }

  /** How far the subscription's consumer has got; `undefined` when it names none. */
  ackedBy(subscription: Subscription): Position | undefined {
    return this.#bySubscription.get(subscription)?.acked;
  }

  /** @throws CarillonError ACK_INVALID */
  ack(subscription: Subscription, position: Position): void {
    const consumer = this.#bySubscription.get(subscription);
    if (consumer === undefined)
      throw new CarillonError(
        'ACK_INVALID',
        'This subscription takes no acknowledgements: it names no consumer.',
      );
    const newest = subscription.channel.position!;
    if (subscription.channel.isBefore(newest, position))
      throw new CarillonError(
        'ACK_INVALID',
        `${position.epoch}:${position.seq} was not delivered; the channel is at ${newest.epoch}:${newest.seq}.`,
      );
    if (consumer.channel.isBefore(consumer.acked, position)) this.#move(consumer, position);
  }

  /** The open messages can't be delivered any more: the consumer's cursor moves past them. */
  giveUp(subscription: Subscription, position: Position): void {
    const consumer = this.#bySubscription.get(subscription);
    if (consumer !== undefined) this.#move(consumer, position);
  }

  /** Call often: writes what was acknowledged, and sends again what was not. */
  async round(): Promise<void> {
    const nowMs = performance.now();
    const overdue: Consumer[] = [];
    for (const consumer of this.#consumers.values()) {
      if (!isOverdue(consumer, nowMs)) continue;
      overdue.push(consumer);
      if (overdue.length === MAX_READS_PER_ROUND) break;
    }
    await Promise.all([this.#write(), ...overdue.map((consumer) => this.#check(consumer))]);
  }

  #move(consumer: Consumer, position: Position): void {
    const { key, name, channel } = consumer;
    progress(consumer, position);
    this.#unwritten.set(key, writtenOf(channel, name, position));
  }

  /** Sends again what is open on this gateway, unless it was acknowledged on another one. */
  async #check(consumer: Consumer): Promise<void> {
    const { key, name, channel } = consumer;
    // Moved to the end of the order: while the broker is away, each round begins with consumers that the last one
    // didn't reach.
    if (this.#consumers.delete(key)) this.#consumers.set(key, consumer);
    try {
      const cursor = await this.#broker.acks.find(channel.key, name);
      if (cursor === undefined) this.#restore(consumer);
      else this.#learn(consumer, cursor);
    } catch (error) {
      this.#log.warn({ err: error, channel: channel.key }, 'could not read acknowledgements; trying again');
      return;
    }
    const nowMs = performance.now();
    if (isOverdue(consumer, nowMs)) this.#sendAgain(consumer, nowMs);
  }

  #learn(consumer: Consumer, cursor: AckCursor): void {
    const { channel } = consumer;
    const at = channel.position!;
    // Acknowledged in an epoch that this gateway hasn't reached: nothing of the present one is open.
    const reached = at.epoch !== cursor.epoch && channel.isBefore(at, cursor) ? at : cursor;
    if (!channel.isBefore(consumer.acked, reached)) return;
    progress(consumer, reached, Math.max(0, this.#broker.nowMs() - cursor.atMs));
  }

  /** The broker lost the cursor: a consumer that comes back would begin at the newest message. */
  #restore({ key, name, channel, acked }: Consumer): void {
    if (!this.#unwritten.has(key)) this.#unwritten.set(key, writtenOf(channel, name, acked));
  }

  #sendAgain({ acked, openSinceMs, ackTimeoutMs }: Consumer, nowMs: number): void {
    for (const [subscription, sinceMs] of openSinceMs) {
      if (sinceMs === undefined || nowMs - sinceMs < ackTimeoutMs) continue;
      openSinceMs.set(subscription, nowMs);
      this.#redelivered.add();
      this.#subscribing.sendAgain(subscription, acked);
    }
  }

  async #write(): Promise<void> {
    if (this.#unwritten.size === 0) return;
    const writing = this.#unwritten;
    this.#unwritten = new Map();
    await Promise.all(
      [...writing].map(async ([key, written]) => {
        try {
          const { durable } = written;
          await this.#broker.acks.ack(written.channel, written.consumer, written.position, { durable });
        } catch (error) {
          this.#log.warn(
            { err: error, channel: written.channel },
            'could not write acknowledgements; trying again',
          );
          if (!this.#unwritten.has(key)) this.#unwritten.set(key, written);
        }
      }),
    );
  }
}

/** Is a message open on one of the subscriptions for longer than it may be? Notes since when messages are open. */
function isOverdue(consumer: Consumer, nowMs: number): boolean {
  const isOpen = hasOpen(consumer);
  let overdue = false;
  for (const [subscription, sinceMs] of consumer.openSinceMs) {
    if (!isOpen || sinceMs === undefined) consumer.openSinceMs.set(subscription, isOpen ? nowMs : undefined);
    else if (nowMs - sinceMs >= consumer.ackTimeoutMs) overdue = true;
  }
  return overdue;
}

/** The consumer acknowledged up to `position`, `agoMs` ago. What is still open has its full time from then on. */
function progress(consumer: Consumer, { epoch, seq }: Position, agoMs = 0): void {
  consumer.acked = { epoch, seq };
  const atMs = performance.now() - agoMs;
  for (const [subscription, sinceMs] of consumer.openSinceMs)
    if (sinceMs !== undefined) consumer.openSinceMs.set(subscription, Math.max(sinceMs, atMs));
}

function writtenOf({ key, policy }: Channel, consumer: string, position: Position): Written {
  return { channel: key, consumer, position, durable: policy.durable };
}

function keyOf(channel: ChannelKey, consumer: string): string {
  return `${channel} ${consumer}`;
}

/** Are there messages behind what is acknowledged? Those of an epoch that the channel doesn't know are told as a gap; in the next everything is open. */
function hasOpen(consumer: Consumer): boolean {
  const { position, lineage } = consumer.channel;
  const at = position!;
  // The channel is on its way through epochs: what is open shows at its end.
  if (lineage !== undefined && lineage.epoch !== at.epoch && !isLocal(at)) return false;
  const known =
    lineage?.epoch === at.epoch ? countAfter({ ...lineage, seq: at.seq }, consumer.acked) : undefined;
  if (known !== undefined) return known > 0;
  if (at.epoch !== consumer.acked.epoch) consumer.acked = { epoch: at.epoch, seq: 0 };
  return at.seq > consumer.acked.seq;
}
