import type { CarillonError } from '@carillon/protocol';
import type { Publication, Publisher, PublishOutcome } from '../ports.ts';
import { refusals } from '../refusals.ts';
import type { ChannelState } from './channel-state.ts';
import { isKept } from './ended-states.ts';
import { HeldPublishes } from './held-publishes.ts';
import { messageJson } from './journal/message-json.ts';
import { KnownPlaces } from './known-places.ts';
import type { MemoryState } from './memory-state.ts';
import { stoppedError } from './stopped-error.ts';

type Accepted = Extract<PublishOutcome, { status: 'accepted' }>;
type Settle = (outcome: PublishOutcome) => void;

/**
 * The counterpart of Redis' publish script: checks the producer, takes a seq, appends to history, log, and feeds or
 * route.
 */
export class MemoryPublisher implements Publisher {
  readonly #state: MemoryState;
  readonly #held: HeldPublishes;

  constructor(state: MemoryState) {
    this.#state = state;
    this.#held = new HeldPublishes(state);
  }

  async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (publications.some((publication) => this.#held.hasToWait(publication)))
      return await Promise.all(publications.map((publication) => this.#sent(publication)));
    const refusal = this.#refusal();
    if (refusal !== undefined) return publications.map(() => refusal);
    const nowMs = Date.now();
    const outcomes = publications.map((publication) => this.#publishOne(publication, nowMs));
    const { promise, resolve } = Promise.withResolvers<readonly PublishOutcome[]>();
    this.#state.journal.afterWrite((problem) => resolve(outcomes.map((outcome) => known(outcome, problem))));
    return await promise;
  }

  send(publication: Publication, settle: Settle): void {
    if (!this.#held.hasToWait(publication)) this.#sendNow(publication, settle);
    else if (this.#held.isFull) settle(refusals.unsettled());
    else this.#held.add(publication, () => this.#sendNow(publication, settle));
  }

  #sent(publication: Publication): Promise<PublishOutcome> {
    return new Promise((resolve) => this.send(publication, resolve));
  }

  #sendNow(publication: Publication, settle: Settle): void {
    const outcome = this.#refusal() ?? this.#publishOne(publication, Date.now());
    this.#state.journal.afterWrite((problem) => settle(known(outcome, problem)));
  }

  /** While nothing can be accepted at all. */
  #refusal(): PublishOutcome | undefined {
    const { stopped, journal } = this.#state;
    const reason = stopped ? stoppedError() : journal.problem;
    return reason && refusals.unavailable(reason);
  }

  #publishOne(publication: Publication, nowMs: number): PublishOutcome {
    const { limits, log } = this.#state;
    const { dedupe, keeping, id, former } = publication;
    const channel = this.#state.open(publication.channel, nowMs);
    const known = this.#known(channel, publication, nowMs);
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
    if (former !== undefined) this.#notePlace(channel, outcome, nowMs);
    this.#append(channel, publication, nowMs);
    return outcome;
  }

  /** Result of a repeated publish. Found by its id when the first copy is only in the database, or was published again. */
  #known(
    channel: ChannelState,
    { dedupe, id, former }: Publication,
    nowMs: number,
  ): PublishOutcome | undefined {
    const { limits } = this.#state;
    const isKeptThere = former !== undefined && isKept(channel, former);
    const place = channel.places?.find(id, nowMs) ?? (isKeptThere ? former : undefined);
    if (place === undefined)
      return dedupe && former === undefined ? channel.dedupe.check(dedupe, limits, nowMs) : undefined;
    if (dedupe === undefined && former === undefined) return undefined;
    const outcome = { status: 'accepted', id, duplicate: true, ...place } as const;
    if (dedupe !== undefined) channel.dedupe.remember(dedupe, outcome, limits.producerWindow, nowMs);
    return outcome;
  }

  #notePlace(channel: ChannelState, { id, epoch, seq }: Accepted, nowMs: number): void {
    channel.places ??= new KnownPlaces();
    channel.places.note(id, { epoch, seq }, nowMs);
  }

  #append(channel: ChannelState, publication: Publication, nowMs: number): void {
    const { key, epoch, seq } = channel;
    const { record, keeping, storedTo, former } = publication;
    const { history, durable } = keeping;
    if (history !== undefined) channel.history.append({ epoch, seq, record }, history, nowMs);
    const log = durable
      ? this.#state.log.append({
          partition: this.#state.partitionOf(key),
          channel: key,
          epoch,
          seq,
          record,
          storedTo,
          former,
          marker: false,
        })
      : undefined;
    const { journal } = this.#state;
    if (journal.keeps)
      journal.appendJson(
        messageJson(channel, publication, nowMs, log),
        history === undefined && !durable ? '' : record,
      );
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

/**
 * A publish accepted in memory but not written to the journal has an unknown outcome: it may or may not survive a
 * crash.
 */
function known(outcome: PublishOutcome, problem: CarillonError | undefined): PublishOutcome {
  return problem === undefined || outcome.status === 'refused' ? outcome : refusals.unknown(problem);
}
