import { randomBytes } from 'node:crypto';
import type { Broker, ChannelKey, StoragePolicy } from '@carillon/broker';
import type { NamespacePolicy, NamespaceResolver } from '@carillon/config';
import { CarillonError, decodeRecord, encodeRecord } from '@carillon/protocol';
import { backoffMs, pause } from '@carillon/service';
import { RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { channelKey } from '../channels/channel-name.ts';
import type { Channels } from '../channels/channels.ts';
import type { ControlAnswer, ControlCommand } from './session-operations.ts';

/** No app has this name, and no client can name the channels. */
const SYSTEM_APP = '#';
const CONTROL_PREFIX = '#control';
/** Every gateway listens to it for as long as it runs. */
const CONTROL_KEY = channelKey(SYSTEM_APP, CONTROL_PREFIX);
/** A gateway that was away for this long reads what it missed; its clients have left it by then. */
const HISTORY = { maxMessages: 1000, ttlMs: 60_000 };
const KEEPING: StoragePolicy = { history: HISTORY, durable: false };
/** Answers that are waited for at the same time. */
const MAX_OPEN_QUESTIONS = 1000;
/** The number of commands that history holds: after a loss in Redis they are published again. */
const MAX_REMEMBERED = HISTORY.maxMessages;
/** A gateway that works answers within milliseconds. */
const ANSWER_TIMEOUT_MS = 2000;

const CONTROL_POLICY: NamespacePolicy = {
  name: CONTROL_PREFIX,
  ephemeral: false,
  durable: false,
  history: HISTORY,
  recoveryWindowMs: HISTORY.ttlMs,
  recoveryMaxMessages: HISTORY.maxMessages,
  retentionMs: 0,
  ackTimeoutMs: 0,
};

/** Control messages between gateways are healed from history, whatever the namespaces' policies. */
export function withControlPolicy(namespaces: NamespaceResolver): NamespaceResolver {
  return {
    ...namespaces,
    resolve: (channel) => (channel.startsWith(CONTROL_PREFIX) ? CONTROL_POLICY : namespaces.resolve(channel)),
  };
}

interface Envelope {
  readonly question: string;
  readonly replyTo: string;
  readonly command: ControlCommand;
}

interface Reply {
  readonly question: string;
  readonly gateway: string;
  readonly answer: ControlAnswer;
}

/** Collected answers to a command. */
export interface Gathered {
  readonly answers: readonly ControlAnswer[];
  /** Gateways that did not answer in time: those that died a moment ago, too. */
  readonly silent: readonly string[];
}

interface OpenQuestion {
  readonly expected: ReadonlySet<string>;
  readonly answers: Map<string, ControlAnswer>;
  readonly done: () => void;
}

export interface ControlChannelDependencies {
  readonly broker: Pick<Broker, 'publisher' | 'router' | 'nowMs'>;
  readonly gateway: string;
  readonly channels: Channels;
  readonly telemetry: Telemetry;
  /** Carries out a command on this gateway. */
  readonly execute: (command: ControlCommand) => ControlAnswer;
  /** Default 2000. */
  readonly answerTimeoutMs?: number;
}

/** How a command reaches all gateways, and how their answers come back. Order, healing and failover are those of any channel. */
export class ControlChannel {
  readonly #deps: ControlChannelDependencies;
  readonly #log: RepeatedLog;
  /** Bounded by MAX_OPEN_QUESTIONS. */
  readonly #open = new Map<string, OpenQuestion>();
  /** Questions that were answered, oldest first. Bounded by MAX_REMEMBERED. */
  readonly #answered = new Set<string>();
  readonly #answerKey: ChannelKey;
  #answersOpened: Promise<void> | undefined;

  constructor(deps: ControlChannelDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.telemetry.loggerOf('control'));
    this.#answerKey = channelKey(SYSTEM_APP, `${CONTROL_PREFIX}.${deps.gateway}`);
  }

  /** Before clients are let in: nobody is on a gateway that commands don't reach. Waits while the broker is away. */
  async start(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await this.#deps.channels.listenRecords(CONTROL_KEY, (record) => this.#onCommand(record));
      } catch (error) {
        this.#log.warn({ err: error }, 'could not open the control channel; trying again');
        await pause(backoffMs(attempt), signal);
      }
    }
  }

  stop(): void {
    for (const { done } of this.#open.values()) done();
  }

  /** Has every gateway carry out `command`. @throws CarillonError UNAVAILABLE, OUTCOME_UNKNOWN */
  async ask(command: ControlCommand): Promise<Gathered> {
    if (this.#open.size >= MAX_OPEN_QUESTIONS)
      throw new CarillonError('UNAVAILABLE', `${MAX_OPEN_QUESTIONS} requests wait for other gateways.`, {
        retryAfterMs: 1000,
      });
    await this.#openAnswers();
    const question = randomBytes(9).toString('base64url');
    const expected = new Set(await this.#deps.broker.router.interested(CONTROL_KEY));
    const { promise, resolve } = Promise.withResolvers<void>();
    const open: OpenQuestion = { expected, answers: new Map(), done: resolve };
    this.#open.set(question, open);
    // After a pause of this process, answers that came meanwhile are read first.
    const giveUp = (): unknown => setImmediate(resolve);
    const timer = setTimeout(giveUp, this.#deps.answerTimeoutMs ?? ANSWER_TIMEOUT_MS);
    try {
      await this.#publish(CONTROL_KEY, { question, replyTo: this.#answerKey, command });
      await promise;
    } finally {
      clearTimeout(timer);
      this.#open.delete(question);
    }
    const silent = [...expected].filter((gateway) => !open.answers.has(gateway));
    return { answers: [...open.answers.values()], silent: await this.#stillThere(silent) };
  }

  /** A gateway that has left meanwhile has no clients. */
  async #stillThere(gateways: readonly string[]): Promise<readonly string[]> {
    if (gateways.length === 0) return gateways;
    const present = new Set(await this.#deps.broker.router.interested(CONTROL_KEY));
    return gateways.filter((gateway) => present.has(gateway));
  }

  #openAnswers(): Promise<void> {
    this.#answersOpened ??= this.#deps.channels
      .listenRecords(this.#answerKey, (record) => this.#onAnswer(record))
      .catch((error: unknown) => {
        this.#answersOpened = undefined;
        throw error;
      });
    return this.#answersOpened;
  }

  #onCommand(record: string): void {
    const { question, replyTo, command } = contentOf<Envelope>(record);
    if (this.#answered.has(question)) return;
    this.#answered.add(question);
    if (this.#answered.size > MAX_REMEMBERED) this.#answered.delete(this.#answered.values().next().value!);
    const answer = this.#deps.execute(command);
    const reply: Reply = { question, gateway: this.#deps.gateway, answer };
    this.#publish(replyTo as ChannelKey, reply).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'a command was carried out, but its answer could not be sent');
    });
  }

  #onAnswer(record: string): void {
    const { question, gateway, answer } = contentOf<Reply>(record);
    const open = this.#open.get(question);
    if (open === undefined) return;
    open.answers.set(gateway, answer);
    if ([...open.expected].every((awaited) => open.answers.has(awaited))) open.done();
  }

  async #publish(channel: ChannelKey, content: object): Promise<void> {
    const id = `${this.#deps.gateway}-${randomBytes(9).toString('base64url')}`;
    const record = encodeRecord({ id, timestamp: this.#deps.broker.nowMs() }, JSON.stringify(content));
    const [outcome] = await this.#deps.broker.publisher.publish([{ channel, id, record, keeping: KEEPING }]);
    if (outcome!.status === 'refused') throw outcome!.error;
  }
}

function contentOf<Content>(record: string): Content {
  return JSON.parse(decodeRecord(record).payload) as Content;
}
