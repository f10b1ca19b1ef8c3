import type { NotRecoveredReason, Position } from '@carillon/protocol';
import { type Frame, MessageFrames } from '../egress/frame.ts';
import type { Channel } from './channel.ts';
import type { PatientReads } from './patient-reads.ts';
import { catchUpPatienceMs, type MissingRead } from './read-missing.ts';
import type { Subscriber, SubscriberSink } from './subscriber.ts';

export type ReadMissing = (channel: Channel, epoch: string, from: number, to: number) => Promise<MissingRead>;

/** Contiguous and never empty; or why they can't be had. */
export type MissedFrames =
  | { readonly entries: readonly MessageFrames[] }
  | { readonly reason: NotRecoveredReason };

/** Brings subscribers from where they were to the live messages. */
export class CatchingUp {
  readonly #readMissing: ReadMissing;
  readonly #patientReads: PatientReads;
  /** Under way. Bounded by the clients that come back. */
  readonly #reads = new Map<string, Promise<MissedFrames>>();

  constructor(readMissing: ReadMissing, patientReads: PatientReads) {
    this.#readMissing = readMissing;
    this.#patientReads = patientReads;
  }

  /** When many come back at once, they want the same: it is read and made once for all who ask while it is being read. */
  read(channel: Channel, epoch: string, from: number, to: number): Promise<MissedFrames> {
    const key = `${channel.key} ${epoch}:${from}-${to}`;
    const underWay = this.#reads.get(key);
    if (underWay !== undefined) return underWay;
    const read = this.#readFrames(channel, epoch, from, to).finally(() => this.#reads.delete(key));
    this.#reads.set(key, read);
    return read;
  }

  async #readFrames(channel: Channel, epoch: string, from: number, to: number): Promise<MissedFrames> {
    const page = await this.#readMissing(channel, epoch, from, to);
    if ('reason' in page) return page;
    const entries = page.entries.map(
      (entry) => new MessageFrames(channel.name, entry.epoch, entry.seq, entry.record),
    );
    channel.remember(entries);
    return { entries };
  }

  /**
   * Sends everything after `from` in order, as fast as the client takes it, then joins the live messages at a moment at which nothing
   * is missing. `undefined` when that is so already.
   *
   * @param first the first of what was missed
   */
  start(
    channel: Channel,
    subscriber: Subscriber,
    from: Position,
    first: readonly MessageFrames[],
  ): Promise<void> | undefined {
    const sent = sendWhileRoom(subscriber.sink, first);
    const at = sent === 0 ? from : positionOf(first[sent - 1]!);
    if (sent < first.length) return this.#goOn(channel, subscriber, at, first.slice(sent));
    return join(channel, subscriber, at) ? undefined : this.#goOn(channel, subscriber, at, []);
  }

  async #goOn(
    channel: Channel,
    subscriber: Subscriber,
    from: Position,
    rest: readonly MessageFrames[],
  ): Promise<void> {
    const { sink } = subscriber;
    const isWanted = (): boolean => sink.isOpen && channel.subscribers.has(subscriber);
    let at = await send(sink, from, rest, isWanted);
    while (isWanted()) {
      const now = channel.position!;
      const recent = now.epoch === at.epoch ? channel.recentAfter(at.seq) : undefined;
      if (recent !== undefined) {
        const sent = sendWhileRoom(sink, recent);
        at = { epoch: at.epoch, seq: at.seq + sent };
        if (sent === recent.length && join(channel, subscriber, at)) return;
        await sink.room();
        continue;
      }
      const page =
        now.epoch === at.epoch
          ? await this.#patientReads.read(
              () => this.read(channel, at.epoch, at.seq + 1, channel.position!.seq),
              { patienceMs: catchUpPatienceMs(channel.policy), isWanted },
            )
          : { reason: 'epoch-changed' as const };
      if (!isWanted()) return;
      if ('reason' in page) {
        const to = page.reason === 'epoch-changed' ? startOf(channel) : channel.position!;
        sink.tellGap(channel.name, at, to, page.reason);
        at = to;
      } else at = await send(sink, at, page.entries, isWanted);
    }
  }
}

/** When it has everything: the next message of the channel goes to this subscriber as well. No await since the last one was sent. */
function join(channel: Channel, subscriber: Subscriber, at: Position): boolean {
  const { epoch, seq } = channel.position!;
  if (epoch !== at.epoch || seq > at.seq) return false;
  subscriber.catchingUp = false;
  return true;
}

/** Where the present epoch begins; where nothing of it can be read, where it is now. */
function startOf({ policy, position }: Channel): Position {
  const canBeRead = policy.history !== undefined || policy.durable;
  return canBeRead ? { epoch: position!.epoch, seq: 0 } : position!;
}

function positionOf({ epoch, seq }: Position): Position {
  return { epoch, seq };
}

/** Resolves with the position of the last entry that was sent. */
async function send(
  sink: SubscriberSink,
  from: Position,
  frames: readonly MessageFrames[],
  isWanted: () => boolean,
): Promise<Position> {
  let at = from;
  for (const frame of frames) {
    const full = sink.room();
    if (full !== undefined) {
      await full;
      if (!isWanted()) return at;
    }
    sink.sendMissed(frame);
    at = positionOf(frame);
  }
  return at;
}

/** Returns how many of the frames were sent. */
function sendWhileRoom(sink: SubscriberSink, frames: readonly Frame[]): number {
  let sent = 0;
  for (const frame of frames) {
    if (sink.room() !== undefined) break;
    sink.sendMissed(frame);
    sent++;
  }
  return sent;
}
