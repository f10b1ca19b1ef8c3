import { setImmediate } from 'node:timers/promises';
import type { ChannelKey, HistoryEntry } from '@carillon/broker';
import type { NamespacePolicy } from '@carillon/config';
import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { MessageFrames } from '../egress/frame.ts';
import { channelName } from './channel-name.ts';
import type { DeliveryMeter } from './delivery-meter.ts';
import { type Held, HeldMessages } from './held-messages.ts';
import type { PatientReads } from './patient-reads.ts';
import { catchUpPatienceMs, type MissingRead } from './read-missing.ts';
import { RecentMessages } from './recent-messages.ts';
import type { Subscriber } from './subscriber.ts';

/** Who comes back is seldom the only one: so long newest messages are kept for the next. */
const RECENT_KEPT_MS = 5000;

/** Healed messages sent in one turn of the event loop, in characters. */
const MAX_HEALED_CHARS_PER_TURN = 128 * 1024;

export interface ChannelDependencies {
  readonly meter: DeliveryMeter;
  readonly policy: NamespacePolicy;
  readonly patientReads: PatientReads;
  /** Reads from..to of the epoch; see readMissing. */
  readonly readMissing: (
    channel: ChannelKey,
    epoch: string,
    from: number,
    to: number,
  ) => Promise<MissingRead>;
  /** Reads on in an epoch that has ended; see readEnded. */
  readonly readEnded: (channel: ChannelKey, epoch: string, from: number) => Promise<MissingRead>;
}

/**
 * A channel on this gateway: its position and its local subscribers. Every message passes here once: what is not after the
 * position is dropped, a break is healed from history before anything later goes on.
 */
export class Channel {
  readonly key: ChannelKey;
  readonly name: string;
  readonly policy: NamespacePolicy;
  readonly subscribers = new Set<Subscriber>();
  readonly #deps: ChannelDependencies;
  #position: Position | undefined;
  readonly #held = new HeldMessages();
  #healing: Promise<void> | undefined;
  /** Kept while somebody catches up, so that the last step needs no reading and can't race, and a while after that. */
  #recent: RecentMessages | undefined;
  #catchingUp = 0;
  /** On the clock of performance.now(), whole milliseconds. */
  #recentUntilMs = 0;
  /** For the gateway's own channels: given every message, in order and once. */
  onRecord: ((record: string) => void) | undefined;
  /** When the last message came, on the clock of performance.now(). */
  lastActiveMs = performance.now();
  /** Since when nobody is subscribed; `undefined`: somebody is. */
  emptySinceMs: number | undefined;

  constructor(key: ChannelKey, deps: ChannelDependencies) {
    this.key = key;
    this.name = channelName(key);
    this.policy = deps.policy;
    this.#deps = deps;
  }

  /** The newest message that this gateway has; `undefined` until interest is recorded. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Interest is recorded: messages up to `position` are history, later ones come through the feed. */
  join(position: Position): void {
    this.#position = position;
    this.#takeHeld();
  }

  /** A message from the feed. */
  receive(epoch: string, seq: number, record: string): void {
    this.lastActiveMs = performance.now();
    const at = this.#position;
    if (at !== undefined && this.#healing === undefined && epoch === at.epoch && seq === at.seq + 1)
      this.#deliver(seq, record);
    else if (at !== undefined && epoch === at.epoch && seq <= at.seq) this.#deps.meter.duplicates.add();
    else this.#hold({ epoch, seq, record });
  }

  /**
   * [DG3] A message that only this gateway has, the broker being away. `epoch` sorts before every real one, so that the next word of the
   * broker ends it.
   */
  receiveLocally(epoch: string, record: string): Position {
    if (this.#position?.epoch !== epoch) {
      if (this.#position === undefined) this.#position = { epoch, seq: 0 };
      else this.#skipTo({ epoch, seq: 0 }, 'epoch-changed');
    }
    this.lastActiveMs = performance.now();
    this.#deliver(this.#position!.seq + 1, record);
    return this.#position!;
  }

  /** The broker says that the channel is at `position`: what this gateway doesn't have by now is read from history. */
  catchUpTo(position: Position): Promise<void> {
    const at = this.#position;
    if (at === undefined || (position.epoch === at.epoch && position.seq <= at.seq)) return Promise.resolve();
    return this.#heal(position);
  }

  /** The frames after `seq`, when all of them are still here; else they have to be read from history. */
  recentAfter(seq: number): readonly MessageFrames[] | undefined {
    const at = this.#position;
    if (at === undefined || seq >= at.seq) return [];
    return this.#recent?.after(seq);
  }

  /** What was read of history: others may have missed it as well. */
  remember(read: readonly MessageFrames[]): void {
    const at = this.#position;
    if (this.#catchingUp === 0 || at === undefined || read[0]?.epoch !== at.epoch) return;
    this.#recent ??= new RecentMessages();
    this.#recent.addOlder(read, at.seq);
  }

  /** Somebody catches up: newest messages are kept from now on, until everybody has. Returns what ends it. */
  beginCatchUp(comesBack: boolean): () => void {
    let ended = false;
    this.#catchingUp++;
    return () => {
      if (ended) return;
      ended = true;
      this.#catchingUp--;
      const nowMs = Math.ceil(performance.now());
      if (comesBack) this.#recentUntilMs = nowMs + RECENT_KEPT_MS;
      if (this.#catchingUp > 0) return;
      this.#recent?.shorten();
      this.forgetRecent(nowMs);
    };
  }

  /** When nobody has come back for a while. */
  forgetRecent(nowMs: number): void {
    if (this.#catchingUp === 0 && nowMs >= this.#recentUntilMs) this.#recent = undefined;
  }

  #hold(message: Held): void {
    this.#held.push(message);
    if (this.#position === undefined || this.#healing !== undefined) return;
    void this.#heal({ epoch: message.epoch, seq: message.seq - 1 });
  }

  #heal(upTo: Position): Promise<void> {
    this.#healing ??= this.#healUpTo(upTo).finally(() => {
      this.#healing = undefined;
      this.#takeHeld();
    });
    return this.#healing;
  }

  async #healUpTo(upTo: Position): Promise<void> {
    while (this.#isBehind(upTo)) {
      const at = this.#position!;
      if (upTo.epoch !== at.epoch) {
        await this.#finishEpoch();
        // What the new epoch has by now is as new to the subscribers as what comes later.
        this.#skipTo({ epoch: upTo.epoch, seq: 0 }, 'epoch-changed');
        continue;
      }
      const page = await this.#readPatiently(() =>
        this.#deps.readMissing(this.key, at.epoch, at.seq + 1, upTo.seq),
      );
      if ('reason' in page) return this.#skipTo(upTo, page.reason);
      await this.#deliverInTurns(page.entries);
      this.#deps.meter.healed.add();
    }
  }

  /** A turn for every so many bytes: all at once, healthy clients would look like slow ones. */
  async #deliverInTurns(entries: readonly HistoryEntry[]): Promise<void> {
    let inTurn = 0;
    for (const { seq, record } of entries) {
      if (inTurn > MAX_HEALED_CHARS_PER_TURN) {
        await setImmediate();
        inTurn = 0;
      }
      this.#deliver(seq, record);
      inTurn += record.length;
    }
  }

  /** The broker lost data and began a new epoch; what is left of the old one comes first. */
  async #finishEpoch(): Promise<void> {
    for (;;) {
      const { epoch, seq } = this.#position!;
      const rest = await this.#readPatiently(() => this.#deps.readEnded(this.key, epoch, seq + 1));
      if ('reason' in rest) return;
      await this.#deliverInTurns(rest.entries);
    }
  }

  #readPatiently(read: () => Promise<MissingRead>): Promise<MissingRead> {
    return this.#deps.patientReads.read(read, {
      patienceMs: catchUpPatienceMs(this.policy),
      isWanted: () => this.emptySinceMs === undefined,
    });
  }

  #isBehind(upTo: Position): boolean {
    const at = this.#position;
    return at !== undefined && (at.epoch === upTo.epoch ? at.seq < upTo.seq : at.epoch < upTo.epoch);
  }

  /** What is between can't be had: everybody is told, and the channel goes on after it. */
  #skipTo(to: Position, reason: NotRecoveredReason): void {
    const from = this.#position!;
    this.#position = to;
    this.#recent = undefined;
    // Without history a break is what was agreed; a new epoch is news all the same.
    if (reason === 'history-disabled') return;
    this.#deps.meter.gapsTold.add();
    for (const { sink } of this.subscribers) sink.tellGap(this.name, from, to, reason);
  }

  #takeHeld(): void {
    for (const { epoch, seq, record } of this.#held.takeAll()) {
      const at = this.#position;
      // Epochs of a channel sort by age: an older one is a straggler.
      if (at !== undefined && epoch < at.epoch) this.#deps.meter.duplicates.add();
      else this.receive(epoch, seq, record);
    }
  }

  #deliver(seq: number, record: string): void {
    const { epoch } = this.#position!;
    this.#position = { epoch, seq };
    if (this.onRecord !== undefined) {
      // What gateways tell each other: no client has it, and no measure of deliveries counts it.
      this.onRecord(record);
      return;
    }
    const message = new MessageFrames(this.name, epoch, seq, record);
    this.#keep(message);
    const { size } = this.subscribers;
    if (size === 0) return;
    this.#deps.meter.delivering(this.key, record, size);
    for (const { catchingUp, sink } of this.subscribers) if (!catchingUp) sink.sendMessage(message);
    this.#deps.meter.delivered(size, message.byteLength);
  }
  #keep(message: MessageFrames): void {
    if (this.#catchingUp === 0 && this.lastActiveMs >= this.#recentUntilMs) this.#recent = undefined;
    else {
      this.#recent ??= new RecentMessages();
      this.#recent.add(message);
      if (this.#catchingUp === 0) this.#recent.shorten();
    }
  }
}
