import type { AckCursors, ChannelKey } from '@carillon/broker';
import { CarillonError, type Position } from '@carillon/protocol';
import { type Counter, METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import type { Subscribing, Subscription } from './subscribe.ts';

/** How far a consumer has got, as this connection knows it. */
export interface AckState {
  readonly consumer: string;
  readonly timeoutMs: number;
  acked: Position;
  /** Since when messages are open without an acknowledgement, on the clock of performance.now(). */
  openSinceMs: number | undefined;
}

interface Written {
  readonly channel: ChannelKey;
  readonly consumer: string;
  readonly position: Position;
}

/** [AK1]-[AK5] Takes acknowledgements, writes them to the broker in batches, and sends again what stays open. */
export class Acknowledging {
  readonly #cursors: AckCursors;
  readonly #subscribing: Subscribing;
  readonly #log: RepeatedLog;
  readonly #redelivered: Counter;
  readonly #open = new Map<Subscription, AckState>();
  /** Newest position per channel and consumer that the broker doesn't have yet. Bounded by the subscriptions. */
  #unwritten = new Map<string, Written>();

  constructor(cursors: AckCursors, subscribing: Subscribing, telemetry: Telemetry) {
    this.#cursors = cursors;
    this.#subscribing = subscribing;
    this.#log = new RepeatedLog(telemetry.loggerOf('channels'));
    this.#redelivered = telemetry.metrics.counter(METRICS.redeliveries);
  }

  /** Where a consumer goes on. @throws CarillonError CONSUMER_LIMIT, UNAVAILABLE */
  async begin(channel: ChannelKey, consumer: string, initial: Position): Promise<Position> {
    return (
      this.#unwritten.get(keyOf(channel, consumer))?.position ??
      (await this.#cursors.open(channel, consumer, initial))
    );
  }

  watch(subscription: Subscription, state: AckState): void {
    this.#open.set(subscription, state);
  }

  forget(subscription: Subscription): void {
    this.#open.delete(subscription);
  }

  stateOf(subscription: Subscription): AckState | undefined {
    return this.#open.get(subscription);
  }

  /** @throws CarillonError ACK_INVALID */
  ack(subscription: Subscription, position: Position): void {
    const state = this.#open.get(subscription);
    if (state === undefined)
      throw new CarillonError(
        'ACK_INVALID',
        'This subscription takes no acknowledgements: it names no consumer.',
      );
    const newest = subscription.channel.position!;
    if (isBehind(newest, position))
      throw new CarillonError(
        'ACK_INVALID',
        `${position.epoch}:${position.seq} was not delivered; the channel is at ${newest.epoch}:${newest.seq}.`,
      );
    if (!isBehind(state.acked, position)) return;
    this.#move(subscription, state, position);
  }

  /** What was open can't be given: the consumer goes on after it. */
  giveUp(subscription: Subscription, state: AckState, position: Position): void {
    this.#move(subscription, state, position);
  }

  /** Call often: writes what was acknowledged, and sends again what was not. */
  async round(): Promise<void> {
    const nowMs = performance.now();
    for (const [subscription, state] of this.#open) this.#look(subscription, state, nowMs);
    await this.#write();
  }

  #move({ channel }: Subscription, state: AckState, position: Position): void {
    state.acked = position;
    state.openSinceMs = undefined;
    const { consumer } = state;
    this.#unwritten.set(keyOf(channel.key, consumer), { channel: channel.key, consumer, position });
  }

  #look(subscription: Subscription, state: AckState, nowMs: number): void {
    const at = subscription.channel.position!;
    // What an ended epoch still held open is told as a gap; in the new one everything is open.
    if (at.epoch !== state.acked.epoch) state.acked = { epoch: at.epoch, seq: 0 };
    if (at.seq <= state.acked.seq) state.openSinceMs = undefined;
    else if (state.openSinceMs === undefined) state.openSinceMs = nowMs;
    else if (nowMs - state.openSinceMs >= state.timeoutMs) {
      state.openSinceMs = nowMs;
      this.#redelivered.add();
      this.#subscribing.sendAgain(subscription, state.acked);
    }
  }

  async #write(): Promise<void> {
    if (this.#unwritten.size === 0) return;
    const writing = this.#unwritten;
    this.#unwritten = new Map();
    await Promise.all(
      [...writing].map(async ([key, written]) => {
        try {
          await this.#cursors.ack(written.channel, written.consumer, written.position);
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

function keyOf(channel: ChannelKey, consumer: string): string {
  return `${channel} ${consumer}`;
}

/** Is `at` before `position`? */
function isBehind(at: Position, position: Position): boolean {
  return at.epoch < position.epoch || (at.epoch === position.epoch && at.seq < position.seq);
}
