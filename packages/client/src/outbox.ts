import type { AcceptedFrame, ErrorFrame, ServerFrame, StoredFrame } from '@carillon/protocol';
import { backoffDelayMs } from './backoff.ts';
import { ChannelOutbox } from './channel-outbox.ts';
import type { Connection } from './connection.ts';
import { checkNames, frameTooLarge, fromErrorBody, RealtimeError } from './errors.ts';
import type { ResolvedOptions } from './options.ts';
import {
  frameBytes,
  frameMembers,
  newEntry,
  type PublishEntry,
  type PublishOptions,
  publishFrame,
} from './publish-entry.ts';
import { outcomeUnknown } from './publish-outcome.ts';
import { openPublishing, type Publishing } from './publishing.ts';
import { randomId } from './random-id.ts';

/** Part of the producer's time to live after which a message is no longer repeated: a repeat on its way must arrive in time, too. */
const REPEAT_SHARE = 0.8;
/** Part of it in which the server surely still knows the producer, clocks and travel times considered. */
const KNOWN_SHARE = 0.5;
const SWEEP_INTERVAL_MS = 5_000;
/** Idle channels remembered; forgetting one costs one round trip at its next publish. */
const MAX_IDLE_CHANNELS = 256;

/** Keeps every publish until the server has answered, and repeats it after a reconnect. */
export class Outbox {
  readonly #connection: Connection;
  readonly #options: ResolvedOptions;
  readonly channels = new Map<string, ChannelOutbox>();
  readonly #byRequest = new Map<number, PublishEntry>();
  /** Accepted, not yet stored. */
  readonly #awaitingStored = new Set<PublishEntry>();
  #messages = 0;
  #bytes = 0;
  #producers = 0;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  /** Chosen once; producers of single channels add a counter. */
  readonly #producer = randomId();
  /** Producers of restored messages. */
  readonly #ownProducers = new Set<string>();

  constructor(deps: { readonly connection: Connection; readonly options: ResolvedOptions }) {
    this.#connection = deps.connection;
    this.#options = deps.options;
  }

  /** Takes over what a predecessor left of a channel. */
  adopt(channel: string, entries: readonly PublishEntry[]): void {
    for (const { producer, bytes } of entries) {
      this.#ownProducers.add(producer);
      this.#messages++;
      this.#bytes += bytes;
    }
    this.#channelOf(channel).restore(entries);
    this.#sweep();
  }

  /** Publishes that wait for an answer. */
  get size(): number {
    return this.#messages;
  }

  unansweredBytes(): number {
    let bytes = 0;
    for (const entry of this.#byRequest.values()) bytes += entry.bytes;
    return bytes;
  }

  isOwn(producer: string | undefined): boolean {
    return !!producer && (producer.startsWith(`${this.#producer}-`) || this.#ownProducers.has(producer));
  }

  publish(channel: string, payload: unknown, options: PublishOptions): Publishing {
    const { encoding, traceparent } = this.#options;
    const { receipt, stored, publishing } = openPublishing(options.stored === true);
    try {
      checkNames(options, 'event stored trace');
      const trace = options.trace ?? traceparent(channel);
      const members = frameMembers(encoding.stringify(payload), options, trace);
      this.#take(newEntry(channel, members, receipt, stored));
    } catch (error) {
      receipt.reject(error as Error);
      stored?.reject(error as Error);
    }
    return publishing;
  }

  #take(entry: PublishEntry): void {
    const { maxMessages, maxBytes } = this.#options;
    this.#connection.assertUsable();
    if (this.#messages >= maxMessages || this.#bytes + entry.bytes > maxBytes) {
      const text = `${this.#messages} publishes (${this.#bytes} bytes) wait for an answer; at most ${maxMessages} (${maxBytes} bytes) may`;
      throw new RealtimeError('OUTBOX_FULL', text, { retryable: true });
    }
    this.#messages++;
    this.#bytes += entry.bytes;
    const channel = this.#channelOf(entry.channel);
    channel.append(entry);
    this.#sweep();
    this.#pump(channel);
  }

  #sweep(): void {
    this.#sweeper ??= setInterval(() => this.#giveUpOld(), SWEEP_INTERVAL_MS);
  }

  #channelOf(name: string): ChannelOutbox {
    const known = this.channels.get(name);
    if (known !== undefined) return known;
    if (this.channels.size >= MAX_IDLE_CHANNELS) {
      for (const [key, channel] of this.channels) if (channel.empty) this.channels.delete(key);
    }
    const newProducer = () => `${this.#producer}-${this.#producers++}`;
    const channel = new ChannelOutbox(name, newProducer, this.#options.producerTtlMs * KNOWN_SHARE);
    this.channels.set(name, channel);
    return channel;
  }

  #pump(channel: ChannelOutbox): void {
    const limits = this.#connection.connected?.limits;
    if (limits === undefined) return;
    for (;;) {
      const entry = channel.takeNext(this.#options.now());
      if (entry === undefined) return;
      this.#send(entry, channel, limits.maxFrameBytes);
    }
  }

  #send(entry: PublishEntry, channel: ChannelOutbox | undefined, maxFrameBytes: number): void {
    const id = this.#connection.nextRequestId();
    const frame = publishFrame(entry, id);
    const encoded = this.#connection.encode(frame);
    const bytes = frameBytes(entry, frame, encoded);
    // A server closes the connection of whoever sends far too much; so the limit is checked here.
    const refused = this.#isOld(entry)
      ? outcomeUnknown(undefined)
      : bytes > maxFrameBytes
        ? frameTooLarge(bytes, maxFrameBytes)
        : undefined;
    if (refused !== undefined) {
      channel?.remove(entry);
      this.#reject(entry, refused);
    } else {
      entry.requestId = id;
      this.#byRequest.set(id, entry);
      this.#connection.sendEncoded(encoded);
    }
  }

  onUp(): void {
    const { maxFrameBytes } = this.#connection.connected!.limits;
    for (const entry of this.#awaitingStored) this.#send(entry, undefined, maxFrameBytes);
    for (const channel of this.channels.values()) this.#pump(channel);
  }

  onDown(): void {
    this.#byRequest.clear();
    for (const channel of this.channels.values()) channel.onDown();
    this.#giveUpOld();
  }

  /** No connection will come by itself: what was never sent is refused, of the rest nobody knows. */
  onEnd(error: RealtimeError): void {
    const open = [...this.channels.values()].flatMap((channel) => [...channel.entries]);
    for (const entry of [...open, ...this.#awaitingStored]) {
      this.channels.get(entry.channel)?.remove(entry);
      this.#reject(entry, entry.firstSentAtMs === undefined ? error : outcomeUnknown(error));
    }
  }

  /** Ends all queued publishes: they belong to the previous user, for whom the server knew the producers. */
  onUserChanged(error: RealtimeError): void {
    this.onEnd(error);
    for (const { timer } of this.channels.values()) clearTimeout(timer);
    this.channels.clear();
  }

  onFrame(frame: ServerFrame): void {
    if (frame.type !== 'accepted' && frame.type !== 'stored' && frame.type !== 'error') return;
    const entry = this.#byRequest.get(frame.re as number);
    if (entry === undefined) return;
    // An answer to an earlier time it was sent says nothing about the present one.
    if (entry.requestId !== frame.re) this.#byRequest.delete(frame.re as number);
    else if (frame.type === 'accepted') this.#onAccepted(entry, frame);
    else if (frame.type === 'stored') this.#onStored(entry, frame);
    else this.#onError(entry, frame);
  }

  #onAccepted(entry: PublishEntry, frame: AcceptedFrame): void {
    const { epoch, seq, id, duplicate = false, degraded = false } = frame;
    const channel = this.channels.get(entry.channel);
    channel?.onAccepted(entry, this.#options.now(), !degraded);
    entry.receipt.resolve({ epoch, seq, id, duplicate, degraded });
    if (entry.stored === undefined) this.settled(entry);
    else this.#awaitingStored.add(entry);
    if (channel !== undefined) this.#pump(channel);
  }

  #onStored(entry: PublishEntry, frame: StoredFrame): void {
    entry.stored?.resolve({ epoch: frame.epoch, seq: frame.seq });
    this.settled(entry);
  }

  #onError(entry: PublishEntry, frame: ErrorFrame): void {
    this.#byRequest.delete(frame.re as number);
    const error = fromErrorBody(frame);
    const channel = this.channels.get(entry.channel);
    if (this.#awaitingStored.has(entry)) this.#onStoredRefused(entry, error);
    else if (channel !== undefined) this.#onPublishRefused(channel, entry, error);
  }

  /** The message is in the log, and asking again whether it is stored failed. */
  #onStoredRefused(entry: PublishEntry, error: RealtimeError): void {
    if (!error.retryable) {
      this.#reject(entry, error);
      return;
    }
    setTimeout(
      () => {
        const limits = this.#connection.connected?.limits;
        if (limits !== undefined && this.#awaitingStored.has(entry)) {
          this.#send(entry, undefined, limits.maxFrameBytes);
        }
      },
      backoffDelayMs(this.#options, 1, error),
    );
  }

  #onPublishRefused(channel: ChannelOutbox, entry: PublishEntry, error: RealtimeError): void {
    const next = channel.onRefused(entry, error);
    if (next === 'reject') this.#reject(entry, entry.maybeAccepted ? outcomeUnknown(error) : error);
    if (next === 'pause') this.#pause(channel, error);
    this.#pump(channel);
  }

  #pause(channel: ChannelOutbox, error: RealtimeError): void {
    const delayMs = backoffDelayMs(this.#options, channel.failures, error);
    clearTimeout(channel.timer);
    channel.timer = setTimeout(() => {
      channel.timer = undefined;
      this.#pump(channel);
    }, delayMs);
  }

  /** [PU6] Beyond the producer's time to live a repeat would be taken for a new message: stop before. */
  #isOld({ firstSentAtMs }: PublishEntry): boolean {
    const { now, producerTtlMs } = this.#options;
    return firstSentAtMs !== undefined && now() - firstSentAtMs > producerTtlMs * REPEAT_SHARE;
  }

  #giveUpOld(): void {
    const old: PublishEntry[] = [];
    for (const { entries } of this.channels.values()) old.push(...entries);
    // A `stored` still comes by itself on the connection that asked for it.
    if (this.#connection.connected === undefined) old.push(...this.#awaitingStored);
    for (const entry of old) {
      if (!this.#isOld(entry)) continue;
      this.channels.get(entry.channel)?.remove(entry);
      this.#reject(entry, outcomeUnknown(undefined));
    }
  }

  #reject(entry: PublishEntry, error: RealtimeError): void {
    entry.receipt.reject(error); // without effect when it is only the `stored` that failed
    entry.stored?.reject(error);
    this.settled(entry);
  }

  /** Nothing more is expected of it. */
  settled(entry: PublishEntry): void {
    this.#awaitingStored.delete(entry);
    if (entry.requestId !== undefined) this.#byRequest.delete(entry.requestId);
    this.#messages--;
    this.#bytes -= entry.bytes;
    if (this.#messages > 0) return;
    clearInterval(this.#sweeper);
    this.#sweeper = undefined;
  }
}
