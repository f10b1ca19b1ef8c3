import { CarillonError } from '@carillon/protocol';
import {
  type CommandHandler,
  type CommandOptions,
  type ControlNode,
  MAX_NODES,
  type NodeDirectory,
  type NodeIdentity,
  type NodePage,
  type NodeQuery,
  type NodeReply,
  type NodeStatus,
  type Survey,
  type SurveyOptions,
} from './control.ts';
import {
  answerCommand,
  checkedCommand,
  type Outcome,
  readOutcome,
  readStatus,
  writeStatus,
} from './control-texts.ts';
import type { AnswerRequest, MethodKey, RequestNode } from './requests.ts';
import { STALE_HEARTBEATS } from './requests-limits.ts';

const NEVER = new AbortController().signal;
const PAGE = 200;
/** Surveys of one node at a time. */
const MAX_SURVEYS = 16;
/** Commands that one node works on at a time; as many as the port of requests allows wait beyond that. */
const CAPACITY = 32;

export interface ControlDependencies {
  readonly identity: NodeIdentity;
  readonly describe: () => Promise<NodeStatus>;
  readonly directory: NodeDirectory;
  readonly requests: (node: string, answer: AnswerRequest) => RequestNode;
  readonly heartbeatMs: number;
  /** Something failed that is tried again. */
  readonly onTrouble: (fields: object, text: string) => void;
}

/** The control port over request and response: a node offers one method, whose name is its id. */
export class RequestedControl implements ControlNode {
  readonly node: string;
  readonly service: string;
  readonly #deps: ControlDependencies;
  readonly #handlers = new Map<string, CommandHandler>();
  readonly #requests: RequestNode;
  #beats: NodeJS.Timeout | undefined;
  #announcing: Promise<void> | undefined;
  #stopped = false;
  #surveys = 0;

  constructor(deps: ControlDependencies) {
    this.#deps = deps;
    this.node = deps.identity.node;
    this.service = deps.identity.service;
    this.#requests = deps.requests(this.node, ({ body }, signal) =>
      answerCommand(this.#handlers, body, signal),
    );
  }

  onCommand(name: string, handler: CommandHandler): void {
    if (this.#handlers.has(name)) throw new Error(`there are two handlers of the command ${name}`);
    this.#handlers.set(name, handler);
  }

  async start(): Promise<void> {
    if (this.#stopped || this.#beats !== undefined) return;
    this.#beats = setInterval(() => void this.refresh(), this.#deps.heartbeatMs);
    this.#beats.unref();
    await this.#requests.offer(new Map([[methodOf(this.node), CAPACITY]]));
    await this.refresh();
  }

  /** One at a time; a call meanwhile waits for the one under way, and for one that begins after it. */
  async refresh(): Promise<void> {
    if (this.#beats === undefined || this.#stopped) return;
    await this.#announcing;
    this.#announcing ??= this.#announce().finally(() => {
      this.#announcing = undefined;
    });
    await this.#announcing;
  }

  async nodes(query: NodeQuery): Promise<NodePage> {
    const limit = Math.min(PAGE, Math.max(1, query.limit));
    const { entries, more } = await this.#deps.directory.list({ ...query, limit });
    const nodes = entries.map(({ silentMs, status: text, ...entry }) => {
      const { status, awayAfterMs } = readStatus(text);
      return { ...entry, status, away: silentMs > awayAfterMs };
    });
    const next = more ? nodes.at(-1)?.node : undefined;
    return { nodes, ...(next !== undefined && { next }) };
  }

  async survey(command: string, { service, ...options }: SurveyOptions): Promise<Survey> {
    if (this.#surveys >= MAX_SURVEYS)
      throw new CarillonError('UNAVAILABLE', `This node has ${MAX_SURVEYS} surveys under way.`, {
        retryAfterMs: 1000,
      });
    const deadlineMs = performance.now() + options.deadlineMs;
    this.#surveys++;
    try {
      const all = await this.#allNodes(service);
      const timeoutMs = Math.max(1, Math.ceil(deadlineMs - performance.now()));
      const outcomes = await Promise.all(
        all.map(async (identity) => ({
          identity,
          outcome: await this.#outcome(identity.node, command, { ...options, deadlineMs: timeoutMs }),
        })),
      );
      return surveyOf(outcomes);
    } finally {
      this.#surveys--;
    }
  }

  async ask(node: string, command: string, options: CommandOptions): Promise<unknown> {
    const outcome = await this.#outcome(node, command, options);
    if (outcome === undefined)
      throw new CarillonError(
        'NODE_UNANSWERED',
        `${node} did not answer within ${options.deadlineMs} ms: the command may have been carried out.`,
        { retryAfterMs: 1000 },
      );
    if (outcome.kind === 'refused') throw outcome.error;
    return outcome.answer;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#beats);
    await this.#announcing;
    await this.#requests.stop();
    if (this.#beats === undefined) return;
    await this.#deps.directory.leave(this.node).catch((error: unknown) => {
      this.#deps.onTrouble(
        { err: error, node: this.node },
        'this node could not leave: it will be found silent',
      );
    });
  }

  async #announce(): Promise<void> {
    const { identity, describe, directory, heartbeatMs } = this.#deps;
    try {
      const { text, tooLarge } = writeStatus(await describe(), STALE_HEARTBEATS * heartbeatMs);
      if (tooLarge)
        this.#deps.onTrouble({ node: this.node }, 'the status of this node is too large and left out');
      if (!(await directory.announce(identity, text)))
        this.#deps.onTrouble(
          { node: this.node, nodes: MAX_NODES },
          'there are too many nodes: this one is not listed',
        );
    } catch (error) {
      this.#deps.onTrouble({ err: error, node: this.node }, 'this node could not say that it is there');
    }
  }

  async #allNodes(service: string | undefined): Promise<readonly NodeIdentity[]> {
    const all: NodeIdentity[] = [];
    let after: string | undefined;
    do {
      const { entries, more } = await this.#deps.directory.list({ service, after, limit: PAGE });
      all.push(...entries.map((entry) => ({ node: entry.node, service: entry.service })));
      after = more ? entries.at(-1)?.node : undefined;
    } while (after !== undefined && all.length < MAX_NODES);
    return all;
  }

  /** `undefined`: nobody answered. */
  async #outcome(node: string, command: string, options: CommandOptions): Promise<Outcome | undefined> {
    const body = checkedCommand(command, options.input);
    const request = { method: methodOf(node), body, timeoutMs: options.deadlineMs };
    try {
      return readOutcome(await this.#requests.ask(request, NEVER));
    } catch {
      // Busy, gone, too slow, or the broker is away: to whoever asked it is the same.
      return undefined;
    }
  }
}

function methodOf(node: string): MethodKey {
  return `control/${node}`;
}

function surveyOf(
  outcomes: readonly { readonly identity: NodeIdentity; readonly outcome: Outcome | undefined }[],
): Survey {
  const replies: NodeReply[] = [];
  const unanswered: NodeIdentity[] = [];
  for (const { identity, outcome } of outcomes) {
    if (outcome === undefined) unanswered.push(identity);
    else if (outcome.kind === 'answered') replies.push({ ...identity, answer: outcome.answer });
    else {
      const { code, message } = outcome.error;
      replies.push({ ...identity, error: { code, message } });
    }
  }
  return { replies, unanswered };
}
