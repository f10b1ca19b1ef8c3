import type { GapFrame, MessageFrame, Position, SubscribeResult } from '@carillon/protocol';
import { RealtimeError } from './errors.ts';
import type { GapEvent, RecoveredEvent } from './events.ts';
import { messageOf } from './message.ts';
import type { SavedPosition } from './saved-state.ts';
import type { ChannelSubscription, SubscribeOptions, SubscriptionState } from './subscription.ts';

/**
 * State of the channel's subscription at the server, on the present connection.
 * - `none`: nothing sent
 * - `subscribing`, `unsubscribing`: sent, not yet answered
 * - `live`
 * - `refused`: until the next connect, or until its pause is over
 */
export type ChannelPhase = 'none' | 'subscribing' | 'live' | 'unsubscribing' | 'refused';

/** Ids remembered per channel, to recognise what is published again in a new epoch [PO4]. */
const MAX_IDS = 1000;
/** And over a reload: what was lost and is published again is what came last. */
const MAX_SAVED_IDS = 50;

/** Told by the client itself, which did not present its position. */
const GAVE_UP = { recovered: false, reason: 'history-unavailable' } as const;

/** Classification of a received message by its seq. */
type Arrival = 'next' | 'duplicate' | 'hole';

/** One channel of a client: its position, and the handlers that share it. */
export class Channel {
  readonly name: string;
  readonly subscriptions = new Set<ChannelSubscription>();
  phase: ChannelPhase = 'none';
  position: Position | undefined;
  /** The position is one that the page before the reload left. */
  restored = false;
  /** Refusals in a row, for the backoff. */
  refusals = 0;
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Since when the server can't read what was missed [SU8], on the clock of Date.now(). */
  #unreadableSinceMs: number | undefined;
  /** Messages up to this seq were missed while the connection was away. */
  #recoveredUpTo = 0;
  /** Of a durable subscription [AK1], and what is acknowledged there, as far as this client knows. */
  consumer: string | undefined;
  #acked: Position | undefined;
  /** Highest seq handed over in the present epoch. */
  #highest = 0;
  readonly #ids = new Set<string>();
  #epochChanged = false;

  constructor(name: string, position: Position | undefined) {
    this.name = name;
    this.position = position;
  }

  /** Goes on where the page before the reload stood, unless the application gave a position itself. */
  restore({ epoch, seq, ids }: SavedPosition): void {
    if (this.position !== undefined) return;
    this.position = { epoch, seq };
    this.restored = true;
    for (const id of ids) this.#ids.add(id);
  }

  /** Of the last messages handed over, for a successor. */
  get lastIds(): readonly string[] {
    return [...this.#ids].slice(-MAX_SAVED_IDS);
  }

  get state(): SubscriptionState {
    if (this.phase === 'live') return 'subscribed';
    return this.phase === 'refused' ? 'refused' : 'pending';
  }

  get wanted(): boolean {
    return this.subscriptions.size > 0;
  }

  /** The position to come back with; `undefined` also when the server could not read what follows it for `maxAgeMs`: live ones are worth more then. */
  presented(maxAgeMs: number): Position | undefined {
    const sinceMs = this.#unreadableSinceMs;
    return sinceMs !== undefined && Date.now() - sinceMs > maxAgeMs ? undefined : this.position;
  }

  /** The server confirmed. Returns the event when a position had been presented. */
  onSubscribed(result: SubscribeResult): RecoveredEvent | undefined {
    const position = { epoch: result.epoch ?? '', seq: result.seq ?? 0 };
    const before = this.position;
    const gaveUp = before !== undefined && this.#unreadableSinceMs !== undefined;
    const { recovered, reason, missed = 0 } = gaveUp ? { ...GAVE_UP, ...result } : result;
    this.#unreadableSinceMs = undefined;
    this.phase = 'live';
    this.refusals = 0;
    this.#moveTo(position);
    this.#recoveredUpTo = position.seq + missed;
    if (result.acked !== undefined && !isAhead(this.#acked, result.acked)) this.#acked = result.acked;
    for (const subscription of this.subscriptions) {
      subscription.onSubscribed(position);
    }
    if (recovered === undefined) return undefined;
    const event: RecoveredEvent = { channel: this.name, recovered, reason, missed, position };
    for (const subscription of [...this.subscriptions]) {
      if (!recovered) subscription.onLost(reason ?? 'history-unavailable', before, position);
      subscription.notify('recovered', event);
    }
    return event;
  }

  /** Where a successor has to go on: what is still held was not handed over. */
  get safePosition(): Position | undefined {
    for (const { holding, position } of this.subscriptions) if (holding) return position;
    return this.position;
  }

  /** Returns what the server has to be told, if anything. */
  ack(position: Position): Position | undefined {
    if (isAhead(this.#acked, { ...position, seq: position.seq - 1 })) return undefined;
    this.#acked = position;
    return position;
  }

  /** The newest acknowledgement, if the server may not have it: it was made while the connection was away. */
  get unsaidAck(): Position | undefined {
    return isAhead(this.#acked, this.position) ? this.#acked : undefined;
  }

  onRefused(error: RealtimeError): void {
    this.phase = 'refused';
    this.refusals++;
    if (error.code === 'HISTORY_UNAVAILABLE') this.#unreadableSinceMs ??= Date.now();
    for (const subscription of this.subscriptions) subscription.onRefused(error);
  }

  /** Hands a message over when it is the next one. `hole`: something before it is missing, the channel must be restored. */
  onMessage(frame: MessageFrame, own: boolean): Arrival {
    const arrival = this.#arrivalOf(frame);
    if (arrival !== 'next') return arrival;
    this.#moveTo({ epoch: frame.epoch, seq: frame.seq });
    // Acknowledged already, by an acknowledgement that the server had not seen yet.
    if (isAhead(this.#acked, { epoch: frame.epoch, seq: frame.seq - 1 })) return 'duplicate';
    const known = this.#isKnown(frame.id);
    // [AK4] A consumer is sent again what it has not acknowledged, over a change of epoch, too.
    const redelivered = frame.seq <= this.#highest || (known && this.consumer !== undefined);
    if (known && !redelivered) return 'duplicate';
    this.#highest = Math.max(this.#highest, frame.seq);
    const message = messageOf(frame, { own, recovered: frame.seq <= this.#recoveredUpTo, redelivered });
    for (const subscription of [...this.subscriptions]) subscription.deliver(message);
    return 'next';
  }

  #arrivalOf(frame: Position): Arrival {
    const position = this.position;
    if (position === undefined) return 'hole';
    // [PO5] The channel goes on in another epoch, and nothing is missing.
    if (frame.epoch !== position.epoch) return frame.seq === 1 ? 'next' : 'hole';
    // [AK4] What is not acknowledged is sent again, all of it, in order.
    if (frame.seq <= position.seq) return this.consumer === undefined ? 'duplicate' : 'next';
    return frame.seq === position.seq + 1 ? 'next' : 'hole';
  }

  #moveTo(position: Position): void {
    if (this.position !== undefined && this.position.epoch !== position.epoch) {
      this.#epochChanged = true;
      this.#highest = 0;
    }
    this.position = position;
  }

  /** Only a new epoch can bring a message again under another position. */
  #isKnown(id: string): boolean {
    if (this.#epochChanged && this.#ids.has(id)) return true;
    this.#ids.add(id);
    if (this.#ids.size > MAX_IDS) this.#ids.delete(this.#ids.values().next().value!);
    return false;
  }

  /** The server says that messages are gone. Returns the event, or nothing when it concerns what is already here. */
  onGap(frame: GapFrame): GapEvent | undefined {
    const from = this.position ?? frame.from;
    const to = { epoch: frame.epoch, seq: frame.seq };
    const isBehind = to.epoch === from.epoch && to.seq <= from.seq;
    // [MS4] A loss may be found out when the channel has gone on in another epoch.
    if (isBehind && frame.from.epoch === to.epoch) return undefined;
    if (!isBehind) this.#moveTo(to);
    const event: GapEvent = { channel: this.name, from, to, reason: frame.reason };
    for (const subscription of [...this.subscriptions]) {
      subscription.onLost(frame.reason, from, to);
      subscription.notify('gap', event);
    }
    return event;
  }
}

/** @throws RealtimeError `ALREADY_SUBSCRIBED` when another handler asks for what all handlers of a channel share. */
export function assertSame(channel: Channel, { position, consumer }: SubscribeOptions<never>): void {
  const has = `There is a subscription to ${channel.name} already`;
  if (position !== undefined) {
    throw new RealtimeError('ALREADY_SUBSCRIBED', `${has}; a position can only be given with the first one`);
  }
  if (channel.consumer !== consumer) {
    const theirs = channel.consumer === undefined ? 'no consumer' : `the consumer ${channel.consumer}`;
    throw new RealtimeError('ALREADY_SUBSCRIBED', `${has}; it has ${theirs}, which all share`);
  }
}

/** Is `one` after `other`, in the same epoch? */
function isAhead(one: Position | undefined, other: Position | undefined): boolean {
  return one !== undefined && other !== undefined && one.epoch === other.epoch && one.seq > other.seq;
}
