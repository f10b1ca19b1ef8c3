import type { Logger } from '@carillon/telemetry';
import { RepeatedLog } from '@carillon/telemetry';
import type { Redis } from 'ioredis';
import type { MethodKey } from '../requests.ts';
import type { NamedRequest } from '../requests-asker.ts';
import { untilReady } from './connection.ts';
import { fieldsOf, type StreamEntry, type StreamsReply } from './packed-message.ts';

const READ_COUNT = 500;
const BLOCK_MS = 5000;
const RETRY_DELAY_MS = 100;

/** A field of an inbox and its text: `q` a request, `c` a cancellation, `a` an answer. */
export const FIELDS = { request: 'q', cancel: 'c', answer: 'a' } as const;

export interface InboxHandler {
  /** `writtenMs`: when, by the clock of Redis. Those cancelled in the same batch are not told. */
  onRequest(asker: string, request: NamedRequest, writtenMs: number): void;
  onCancel(id: string): void;
  onAnswer(id: string, isOk: boolean, text: string): void;
}

export interface InboxDependencies {
  /** For what doesn't block. */
  readonly redis: Redis;
  readonly openReader: () => Redis;
  readonly key: string;
  readonly handler: InboxHandler;
  readonly logger: Logger;
}

/** Reads a node's inbox with a connection of its own, and cuts off what was read. */
export class RequestInbox {
  readonly #deps: InboxDependencies;
  readonly #log: RepeatedLog;
  readonly #stopping = new AbortController();
  #reader: Redis | undefined;
  #reading: Promise<void> | undefined;
  #lastId = '0-0';

  constructor(deps: InboxDependencies) {
    this.#deps = deps;
    this.#log = new RepeatedLog(deps.logger);
  }

  start(): void {
    this.#reader = this.#deps.openReader();
    this.#reading = this.#readUntilStopped(this.#reader);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#reader?.disconnect();
    await this.#reading;
  }

  /** Up to here it was read. */
  get lastId(): string {
    return this.#lastId;
  }

  /** Ids begin again when Redis lost the stream: what comes then would never be read. */
  onNewest(id: string): void {
    if (isBefore(id, this.#lastId)) this.#lastId = '0-0';
  }

  async #readUntilStopped(reader: Redis): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await untilReady(reader, signal);
        await this.#readOnce(reader);
        this.#log.reset();
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ err: error }, 'reading requests failed; they are read on from the same place');
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
      }
    }
  }

  async #readOnce(reader: Redis): Promise<void> {
    const { key, redis } = this.#deps;
    const from = this.#lastId;
    const reply = (await reader.xread(
      'COUNT',
      READ_COUNT,
      'BLOCK',
      BLOCK_MS,
      'STREAMS',
      key,
      from,
    )) as StreamsReply;
    const entries = reply?.[0]?.[1] ?? [];
    if (entries.length === 0) return;
    const lastId = entries.at(-1)![0];
    this.#lastId = lastId;
    redis.xtrim(key, 'MINID', idAfter(lastId)).catch((error: unknown) => {
      this.#log.warn(
        { err: error },
        'what was read of the inbox could not be cut off; it will be with the next',
      );
    });
    this.#handOn(entries);
  }

  #handOn(entries: readonly StreamEntry[]): void {
    const { handler } = this.#deps;
    const read = entries.map(([id, fields]) => ({ id, fields: fieldsOf(fields ?? []) }));
    // First of all what isn't wanted any more: after a pause of this process much of the rest may not be begun.
    const cancelled = new Set(read.map(({ fields }) => fields.get(FIELDS.cancel)));
    for (const { id, fields } of read) {
      const asked = fields.get(FIELDS.request);
      const answer = fields.get(FIELDS.answer);
      const cancel = fields.get(FIELDS.cancel);
      if (asked !== undefined) {
        const { asker, request } = unpackRequest(asked);
        const wanted = cancelled.has(request.id) ? { ...request, timeoutMs: 0 } : request;
        handler.onRequest(asker, wanted, Number(id.slice(0, id.indexOf('-'))));
      } else if (answer !== undefined) handler.onAnswer(...unpackAnswer(answer));
      else if (cancel !== undefined) handler.onCancel(cancel);
    }
  }
}

export function packRequest(asker: string, { id, method, timeoutMs, body }: NamedRequest): string {
  return `${asker}\n${id}\n${method}\n${timeoutMs}\n${body}`;
}

function unpackRequest(text: string): { readonly asker: string; readonly request: NamedRequest } {
  const [asker, id, method, timeoutMs, body] = cut(text, 5);
  return {
    asker: asker!,
    request: { id: id!, method: method as MethodKey, timeoutMs: Number(timeoutMs), body: body! },
  };
}

export function packAnswer(id: string, isOk: boolean, text: string): string {
  return `${id}\n${isOk ? 'ok' : 'no'}\n${text}`;
}

function unpackAnswer(packed: string): [id: string, isOk: boolean, text: string] {
  const [id, result, text] = cut(packed, 3);
  return [id!, result === 'ok', text!];
}

/** Lines; the last of `count` holds the rest, newlines included. */
function cut(text: string, count: number): readonly string[] {
  const parts: string[] = [];
  let at = 0;
  while (parts.length < count - 1) {
    const end = text.indexOf('\n', at);
    if (end < 0) throw new SyntaxError('an entry of an inbox is cut off');
    parts.push(text.slice(at, end));
    at = end + 1;
  }
  return [...parts, text.slice(at)];
}

function partsOf(id: string): readonly [ms: number, n: number] {
  const [ms, n] = id.split('-');
  return [Number(ms), Number(n)];
}

function isBefore(a: string, b: string): boolean {
  const [aMs, aN] = partsOf(a);
  const [bMs, bN] = partsOf(b);
  return aMs < bMs || (aMs === bMs && aN < bN);
}

function idAfter(id: string): string {
  const [ms, n] = partsOf(id);
  return `${ms}-${n + 1}`;
}
