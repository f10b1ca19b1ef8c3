import type { ChannelKey, HistoryEntry, Lineage } from '@carillon/broker';
import type { NamespacePolicy } from '@carillon/config';
import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { MessageFrames } from '../egress/frame.ts';
import { CatchUpWindow } from './catch-up-window.ts';
import { channelName } from './channel-name.ts';
import type { DeliveryMeter } from './delivery-meter.ts';
import type { EndedEpochs } from './ended-epochs.ts';
import type { HistoryRetryPool } from './history-retry-pool.ts';
import { inTurns } from './in-turns.ts';
import { isLocal, KnownLineage } from './known-lineage.ts';
import { catchUpPatienceMs, type MissingRead } from './read-missing.ts';
import { type Held, ReorderBuffer } from './reorder-buffer.ts';
import { SilentPassages } from './silent-passages.ts';
import type { Subscriber } from './subscriber.ts';

export interface ChannelDependencies {
  readonly meter: DeliveryMeter;
  readonly policy: NamespacePolicy;
  readonly historyRetries: HistoryRetryPool;
  /** Reads from..to of the epoch; see readMissing. */
  readonly readMissing: (
    channel: ChannelKey,
    epoch: string,
    from: number,
    to: number,
  ) => Promise<MissingRead>;
  readonly endedEpochs: EndedEpochs;
  /**
   * The channel has entered another epoch without a gap frame: its subscribers have to be told when a loss becomes
   * known afterwards.
   */
  readonly onPassedSilently: (channel: Channel) => void;
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
  readonly #lineage = new KnownLineage();
  readonly #passages = new SilentPassages();
  readonly #held = new ReorderBuffer();
  #healing: Promise<void> | undefined;
  readonly #window = new CatchUpWindow();
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

  /** Lineage in the broker's latest answer. */
  get lineage(): Lineage | undefined {
    return this.#lineage.latest;
  }

  /** Interest is recorded: messages up to there are history, later ones come through the feed. */
  join(lineage: Lineage): void {
    this.#lineage.learn(lineage);
    this.#position = { epoch: lineage.epoch, seq: lineage.seq };
    this.#takeHeld();
  }

  /** Joins at `position` while the broker is away. */
  joinLocally(position: Position): void {
    this.#position = position;
  }

  /** Is `a` before `b`? */
  isBefore(a: Position, b: Position): boolean {
    return this.#lineage.isBefore(a, b);
  }

  /** It went on in another epoch, and its subscribers were not told. */
  get hasPassedSilently(): boolean {
    return this.#passages.areThere;
  }

  /** [MS4] Accepted messages are known to be lost: those who went on without a word are told now. What they have had since then they keep. */
  tellLosses(lineage: Lineage): void {
    const [from] = this.#passages.takeLossy(lineage);
    if (from === undefined) return;
    this.#tellGap(from, this.#position!, 'epoch-changed');
    for (const subscriber of this.subscribers) if (subscriber.catchingUp) subscriber.lateLoss ??= from;
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

  /** The broker says where the channel is: what this gateway doesn't have by now is read from history. */
  catchUpTo(lineage: Lineage): Promise<void> {
    const at = this.#position;
    const hasIt = at === undefined || (lineage.epoch === at.epoch && lineage.seq <= at.seq);
    if (this.#lineage.isStale(lineage)) return Promise.resolve();
    return hasIt || this.#lineage.hasLeft(lineage.epoch, at) ? Promise.resolve() : this.#heal(lineage);
  }

  /** The frames after `seq`, when all of them are still here; else they have to be read from history. */
  recentAfter(seq: number): readonly MessageFrames[] | undefined {
    const at = this.#position;
    if (at === undefined || seq >= at.seq) return [];
    return this.#window.after(seq);
  }

  /** Keeps messages read from history for other subscribers that recover. */
  remember(read: readonly MessageFrames[]): void {
    this.#window.remember(read, this.#position);
  }

  /** A recovery begins. Returns the function that ends it. */
  beginCatchUp(comesBack: boolean): () => void {
    return this.#window.begin(comesBack);
  }

  /** When nobody has come back for a while. */
  forgetRecent(nowMs: number): void {
    this.#window.forget(nowMs);
  }

  #hold(message: Held): void {
    const at = this.#position;
    if (at !== undefined && this.#lineage.hasLeft(message.epoch, at)) {
      this.#deps.meter.duplicates.add();
      return;
    }
    this.#held.push(message);
    if (at === undefined || this.#healing !== undefined) return;
    const isSame = message.epoch === at.epoch;
    void this.#heal(
      isSame ? { epoch: at.epoch, seq: message.seq - 1, before: this.lineage?.before ?? [] } : undefined,
    );
  }

  /** @param upTo where the broker is; `undefined`: it has to be asked */
  #heal(upTo: Lineage | undefined): Promise<void> {
    this.#healing ??= this.#healUpTo(upTo).finally(() => {
      this.#healing = undefined;
      this.#takeHeld();
    });
    return this.#healing;
  }

  async #healUpTo(known: Lineage | undefined): Promise<void> {
    let upTo = known;
    while (upTo === undefined || this.#isBehind(upTo)) {
      if (upTo?.epoch !== this.#position!.epoch) {
        upTo = await this.#goOnTo(upTo === undefined || this.#lineage.isStale(upTo) ? undefined : upTo);
        if (upTo === undefined) return;
        continue;
      }
      const at = this.#position!;
      const { seq } = upTo;
      const page = await this.#readPatiently(() =>
        this.#deps.readMissing(this.key, at.epoch, at.seq + 1, seq),
      );
      if ('reason' in page) {
        if (page.reason === 'epoch-changed') upTo = undefined;
        else this.#skipTo({ epoch: at.epoch, seq }, page.reason);
        continue;
      }
      await inTurns(page.entries, this.#deliverHealed);
      this.#deps.meter.healed.add();
    }
  }

  /** Goes through what is left of the present epoch, and those after it, to the one that the broker has now. `undefined`: nobody wants it. */
  async #goOnTo(known: Lineage | undefined): Promise<Lineage | undefined> {
    const isWanted = (): boolean => this.emptySinceMs === undefined;
    const upTo = await this.#deps.endedEpochs.settled(this, known, isWanted);
    if (upTo === undefined) {
      // No subscriber is left: the next one begins at the broker's position.
      this.#position = undefined;
      return undefined;
    }
    const path = this.#lineage.epochs;
    // Before the way there: those who catch up meanwhile go the same way.
    this.#lineage.learn(upTo);
    while (this.#position!.epoch !== upTo.epoch) {
      const at = this.#position!;
      if (isLocal(at)) this.#skipTo({ epoch: upTo.epoch, seq: upTo.seq }, 'epoch-changed');
      else {
        const step = await this.#readPatiently(() => this.#deps.endedEpochs.step(this, at, upTo, path));
        if ('entries' in step) await inTurns(step.entries, this.#deliverHealed);
        else if (!('to' in step)) this.#skipTo({ epoch: upTo.epoch, seq: 0 }, step.reason);
        else if (step.reason === undefined) this.#passTo(step.to);
        else this.#skipTo(step.to, step.reason);
      }
    }
    if (this.hasPassedSilently) this.#deps.onPassedSilently(this);
    return upTo;
  }

  #readPatiently<Read extends object>(read: () => Promise<Read>): Promise<Read> {
    return this.#deps.historyRetries.read(read, {
      patienceMs: catchUpPatienceMs(this.policy),
      isWanted: () => this.emptySinceMs === undefined,
    });
  }

  #isBehind(upTo: Lineage): boolean {
    const at = this.#position;
    return at !== undefined && (at.epoch !== upTo.epoch || at.seq < upTo.seq);
  }

  /** The channel goes on in another epoch, and nothing is missing as far as anybody knows. */
  #passTo(to: Position): void {
    this.#passages.add(this.#position!);
    this.#position = to;
    this.#window.clear();
  }

  /** The messages up to `to` can't be read any more: sends subscribers a gap and continues after it. */
  #skipTo(to: Position, reason: NotRecoveredReason): void {
    const from = this.#position!;
    this.#position = to;
    this.#window.clear();
    // Without history a break is what was agreed; a loss is news all the same.
    if (reason !== 'history-disabled') this.#tellGap(from, to, reason);
  }

  /** Subscribers in recovery are at other positions, and get their gap frames during recovery. */
  #tellGap(from: Position, to: Position, reason: NotRecoveredReason): void {
    this.#deps.meter.gapsTold.add();
    for (const { catchingUp, sink } of this.subscribers)
      if (!catchingUp) sink.tellGap(this.name, from, to, reason);
  }

  /**
   * Takes the held messages. One of an epoch that the broker doesn't know is dropped: if its epoch is newer, the next
   * comparison of positions finds the message.
   */
  #takeHeld(): void {
    for (const { epoch, seq, record } of this.#held.takeAll()) {
      const at = this.#position;
      if (at === undefined || epoch === at.epoch) this.receive(epoch, seq, record);
      else this.#deps.meter.duplicates.add();
    }
  }

  readonly #deliverHealed = ({ seq, record }: HistoryEntry): void => this.#deliver(seq, record);

  #deliver(seq: number, record: string): void {
    const { epoch } = this.#position!;
    this.#position = { epoch, seq };
    if (this.onRecord !== undefined) {
      // Control messages between gateways: no client receives them and delivery metrics leave them out.
      this.onRecord(record);
      return;
    }
    const message = new MessageFrames(this.name, epoch, seq, record);
    this.#window.keep(message, this.lastActiveMs);
    const { size } = this.subscribers;
    if (size === 0) return;
    this.#deps.meter.delivering(this.key, record, size);
    for (const { catchingUp, sink } of this.subscribers) if (!catchingUp) sink.sendMessage(message);
    this.#deps.meter.delivered(size, message.byteLength);
  }
}
