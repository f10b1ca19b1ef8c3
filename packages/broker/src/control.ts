/** The control port: which nodes an installation has, and commands to them. docs/adr/0015-control-port.md tells why it is made like this. */
import type { CarillonError } from '@carillon/protocol';

/** Identity of a process's part. */
export interface NodeIdentity {
  /** New at every start; at most 100 characters. */
  readonly node: string;
  /** `gateway`, `router`, `persistence`, `admin`. */
  readonly service: string;
}

/** A node's status: JSON of at most 8 KiB. A larger one is replaced by `{"tooLarge": true}`. */
export type NodeStatus = Readonly<Record<string, unknown>>;

export interface NodeRecord extends NodeIdentity {
  readonly status: NodeStatus;
  /** By the clock of the broker, in milliseconds since 1970. */
  readonly lastSeenMs: number;
  /** Silent for four heartbeats. It is listed for five minutes more, unless it left in order. */
  readonly away: boolean;
}

export interface NodeQuery {
  /** Only nodes of this service. */
  readonly service?: string | undefined;
  /** Those whose id is above this one. */
  readonly after?: string | undefined;
  /** 1..200. */
  readonly limit: number;
}

export interface NodePage {
  /** By id. */
  readonly nodes: readonly NodeRecord[];
  /** There are more: ask for those after this id. */
  readonly next?: string;
}

export interface CommandOptions {
  /** JSON, at most 16 KiB. */
  readonly input?: unknown;
  /** Time for all answers, from now on, in milliseconds, 1..60,000. */
  readonly deadlineMs: number;
}

export interface SurveyOptions extends CommandOptions {
  /** Only nodes of this service. */
  readonly service?: string;
}

export type NodeReply = NodeIdentity &
  ({ readonly answer: unknown } | { readonly error: Pick<CarillonError, 'code' | 'message'> });

export interface Survey {
  /** Answers and refusals, by the node's id. */
  readonly replies: readonly NodeReply[];
  /** Nodes that did not answer in time or are away, by id: each may have carried out the command. */
  readonly unanswered: readonly NodeIdentity[];
}

/**
 * Carries out a command. `signal` aborts at the caller's deadline. The answer is JSON, at most 64 KiB; a rejection with a CarillonError is told
 * to the caller. A command may be carried out although the caller was told that nobody answered: it has to do no harm when it is repeated.
 */
export type CommandHandler = (input: unknown, signal: AbortSignal) => Promise<unknown>;

/** A process's part in the control port. Costs one connection and two small scripts a heartbeat; nothing for messages or clients. */
export interface ControlNode extends NodeIdentity {
  /** Before `start`. @throws Error when the command has a handler */
  onCommand(name: string, handler: CommandHandler): void;
  /** From here on the node is listed and hears commands. Resolves when it was announced, or when the first attempt failed: it is repeated. */
  start(): Promise<void>;
  /** Writes the status down now instead of with the next heartbeat. */
  refresh(): Promise<void>;
  /** Rejects with `UNAVAILABLE` while the broker is away. */
  nodes(query: NodeQuery): Promise<NodePage>;
  /**
   * Asks all nodes at once. Rejects with `UNAVAILABLE` while the broker is away, or when 16 surveys of this node are under way.
   */
  survey(command: string, options: SurveyOptions): Promise<Survey>;
  /** Asks one node. Rejects with what it refuses with, or with `NODE_UNANSWERED`. */
  ask(node: string, command: string, options: CommandOptions): Promise<unknown>;
  /** Leaves: the node is not listed any more. */
  stop(): Promise<void>;
}

/** Where nodes are written down, per adapter. */
export interface NodeDirectory {
  /** `false`: as many nodes as may be are listed. */
  announce(identity: NodeIdentity, status: string): Promise<boolean>;
  list(query: NodeQuery): Promise<NodeDirectoryPage>;
  leave(node: string): Promise<void>;
}

export interface NodeDirectoryPage {
  readonly entries: readonly (NodeIdentity & {
    readonly status: string;
    readonly lastSeenMs: number;
    readonly silentMs: number;
  })[];
  readonly more: boolean;
}

/** More than this are not listed: an installation that starts nodes without end is at fault. */
export const MAX_NODES = 1000;
/** A node that fell silent is named for this long. */
export const FORGET_NODE_MS = 300_000;
