/** The call of publish.lua: how publications stand in its arguments, and what its reply says about them. */
import type { Position } from '@carillon/protocol';
import { PRODUCER_TTL_SLACK_MS } from '../limits.ts';
import type { BrokerLimits, Dedupe, Publication, PublishOutcome, StoragePolicy } from '../ports.ts';
import { refusals } from '../refusals.ts';
import { bulk } from './pipelined/resp-command.ts';
import { RedisReplyError, type Reply } from './pipelined/resp-reader.ts';
import { scriptOf } from './scripts.ts';

const ARGUMENTS_IN_FRONT = 7;
const ARGUMENTS_PER_MESSAGE = 6;
const ARGUMENTS_OF_DEDUPE = 4;
const EMPTY = bulk('');

/** Policies are few and live as long as the process; messages name theirs by identity. */
const KEEPING_TEXTS = new WeakMap<StoragePolicy, string>();

function keepingText(keeping: StoragePolicy): string {
  const known = KEEPING_TEXTS.get(keeping);
  if (known !== undefined) return known;
  const { history, durable } = keeping;
  const text = bulk(`${history?.maxMessages ?? 0} ${history?.ttlMs ?? 0} ${durable ? 1 : 0}`);
  KEEPING_TEXTS.set(keeping, text);
  return text;
}

/** Where a call goes. */
export interface PublishPlace {
  /** Of the partition. */
  readonly base: string;
  /** Refused when the partition has another one. */
  readonly generation: string;
  /** For new channels. */
  readonly epoch: string;
}

export interface PublishReply {
  /** The partition's write count. */
  readonly count: number;
  readonly outcomes: readonly PublishOutcome[];
}

/** Answer of the script when it did nothing because the partition has another generation. */
const OTHER_GENERATION = 'generation';

/** Dedupe arguments of a message that is published again. */
function again({ epoch, seq }: Position, dedupe: Dedupe | undefined): string {
  const place = bulk(`${epoch}:${seq}`);
  switch (dedupe?.kind) {
    case 'producer':
      return bulk('rp') + bulk(dedupe.producer) + bulk(dedupe.seq) + place + bulk(dedupe.fingerprint);
    case 'key':
      return bulk('rk') + bulk(dedupe.key) + bulk(dedupe.ttlMs) + place + bulk(dedupe.fingerprint);
    default:
      return bulk('rn') + EMPTY + bulk(0) + place + EMPTY;
  }
}

export class PublishCall {
  readonly #limits: BrokerLimits;
  readonly #limitArguments: string;

  constructor(limits: BrokerLimits) {
    this.#limits = limits;
    const { logMaxEntries, feedMaxEntries, producerWindow, producerTtlMs, channelIdleTtlMs } = limits;
    const producersKeptMs = producerTtlMs + PRODUCER_TTL_SLACK_MS;
    this.#limitArguments = [logMaxEntries, feedMaxEntries, producerWindow, producersKeptMs, channelIdleTtlMs]
      .map(bulk)
      .join('');
  }

  /** By the script's hash. */
  byHash(place: PublishPlace, publications: readonly Publication[]): string {
    return this.#command('EVALSHA', scriptOf('publish').sha, place, publications);
  }

  /** With the script itself, for a Redis that has forgotten it. */
  bySource(place: PublishPlace, publications: readonly Publication[]): string {
    return this.#command('EVAL', scriptOf('publish').source, place, publications);
  }

  /** @returns one outcome per publication; `undefined`: nothing was done, the partition has another generation. @throws RedisReplyError */
  read(reply: Reply, publications: readonly Publication[]): PublishReply | undefined {
    if (reply instanceof RedisReplyError) throw reply;
    if (reply === OTHER_GENERATION) return undefined;
    const items = reply as readonly (number | string)[];
    const outcomes: PublishOutcome[] = [];
    let at = 1;
    for (const publication of publications) {
      const item = items[at++]!;
      if (typeof item === 'number') {
        const epoch = items[at++] as string;
        outcomes.push({ status: 'accepted', epoch, seq: item, id: publication.id, duplicate: false });
      } else outcomes.push(this.#exception(publication, item));
    }
    return { count: items[0] as number, outcomes };
  }

  #command(
    name: string,
    script: string,
    { base, generation, epoch }: PublishPlace,
    publications: readonly Publication[],
  ): string {
    let count = 3 + 1 + ARGUMENTS_IN_FRONT;
    let messages = '';
    for (const publication of publications) {
      const { channel, id, record, keeping, storedTo, dedupe, former } = publication;
      const storage = storedTo === undefined ? EMPTY : bulk(storedTo);
      messages += bulk(channel) + bulk(id) + bulk(record) + keepingText(keeping) + storage;
      count += ARGUMENTS_PER_MESSAGE;
      if (former !== undefined) {
        count += ARGUMENTS_OF_DEDUPE;
        messages += again(former, dedupe);
      } else if (dedupe === undefined) messages += EMPTY;
      else {
        count += ARGUMENTS_OF_DEDUPE;
        messages +=
          dedupe.kind === 'producer'
            ? bulk('p') +
              bulk(dedupe.producer) +
              bulk(dedupe.seq) +
              bulk(dedupe.prev) +
              bulk(dedupe.fingerprint)
            : bulk('k') + bulk(dedupe.key) + bulk(dedupe.ttlMs) + bulk(0) + bulk(dedupe.fingerprint);
      }
    }
    return `*${count}\r\n${bulk(name)}${bulk(script)}${bulk(1)}${bulk(base)}${bulk(generation)}${bulk(epoch)}${this.#limitArguments}${messages}`;
  }

  /** The codes are those of publish.lua. */
  #exception({ dedupe }: Publication, text: string): PublishOutcome {
    const [code, a = '', b = '', id = ''] = text.split(' ');
    const [seq, prev] = dedupe?.kind === 'producer' ? [dedupe.seq, dedupe.prev] : [0, 0];
    switch (code) {
      case '1':
        return { status: 'accepted', epoch: a, seq: Number(b), id, duplicate: true };
      case '2':
        return refusals.outOfOrder(Number(a), seq, prev);
      case '3':
        return refusals.conflict(seq);
      case '4':
        return refusals.windowPassed(seq, Number(a), this.#limits.producerWindow);
      case '5':
        return refusals.keyConflict();
      default:
        return refusals.logFull(this.#limits.logMaxEntries);
    }
  }
}
