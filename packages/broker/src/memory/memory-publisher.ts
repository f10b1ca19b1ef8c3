import type { Publication, Publisher, PublishOutcome } from '../ports.ts';
import { refusals } from '../refusals.ts';
import type { ChannelState } from './channel-state.ts';
import type { MemoryState } from './memory-state.ts';
import { stoppedError } from './stopped-error.ts';

type Accepted = Extract<PublishOutcome, { status: 'accepted' }>;

/** What the publish script does in Redis: check the producer, take a seq, append to history, log, and feeds or route. */
export class MemoryPublisher implements Publisher {
  readonly #state: MemoryState;

  constructor(state: MemoryState) {
    this.#state = state;
  }

  async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (this.#state.stopped) return publications.map(() => refusals.unavailable(stoppedError()));
    const nowMs = Date.now();
    return publications.map((publication) => this.#publishOne(publication, nowMs));
  }

  send(publication: Publication, settle: (outcome: PublishOutcome) => void): void {
    settle(
      this.#state.stopped ? refusals.unavailable(stoppedError()) : this.#publishOne(publication, Date.now()),
    );
  }

  #publishOne(publication: Publication, nowMs: number): PublishOutcome {
    const { limits, log } = this.#state;
    const { dedupe, keeping, id } = publication;
    const channel = this.#state.open(publication.channel, nowMs);
    const known = dedupe && channel.dedupe.check(dedupe, limits, nowMs);
    if (known !== undefined) {
      return known.status === 'accepted' ? this.#answerRepeat(publication, known) : known;
    }
    if (keeping.durable && log.size >= limits.logMaxEntries) return refusals.logFull(limits.logMaxEntries);
    channel.seq++;
    channel.usedAtMs = nowMs;
    const outcome = {
      status: 'accepted',
      epoch: channel.epoch,
      seq: channel.seq,
      id,
      duplicate: false,
    } as const;
    if (dedupe !== undefined) channel.dedupe.remember(dedupe, outcome, limits.producerWindow, nowMs);
    this.#append(channel, publication, nowMs);
    return outcome;
  }

  #append(channel: ChannelState, { record, keeping, storedTo }: Publication, nowMs: number): void {
    const { key, epoch, seq } = channel;
    if (keeping.history !== undefined) channel.history.append({ epoch, seq, record }, keeping.history, nowMs);
    if (keeping.durable)
      this.#state.log.append({
        partition: this.#state.partitionOf(key),
        channel: key,
        epoch,
        seq,
        record,
        storedTo,
        marker: false,
      });
    if (channel.lastRouted !== undefined)
      channel.lastRouted = this.#state
        .routeOf(key)
        .append({ kind: 'message', channel: key, epoch, seq, record });
    else
      for (const gateway of channel.interest)
        this.#state.tell(gateway, { kind: 'message', channel: key, epoch, seq, record });
  }

  /** A repeat that asks for `stored`: the first `stored` may have been lost on its way. */
  #answerRepeat({ channel, keeping, storedTo }: Publication, known: Accepted): PublishOutcome {
    const { limits, log } = this.#state;
    if (!keeping.durable || storedTo === undefined) return known;
    // Not even a question fits in: answered as accepted, its publisher would wait for `stored` in vain.
    if (log.size >= limits.logMaxEntries) return refusals.logFull(limits.logMaxEntries);
    const { epoch, seq } = known;
    log.append({
      partition: this.#state.partitionOf(channel),
      channel,
      epoch,
      seq,
      record: known.id,
      storedTo,
      marker: true,
    });
    return known;
  }
}
