import { createInterface } from 'node:readline/promises';
import type { PublishReceipt, RealtimeClient } from '@carillon/client';
import { CliError, usageError } from '../cli-error.ts';
import { exitWhenReaderIsGone, out, print } from '../output/style.ts';
import { openClient } from '../target/open-client.ts';
import { resolveTarget, type TargetFlags } from '../target/resolve-target.ts';

export interface PubFlags extends TargetFlags {
  readonly json?: boolean;
  /** The payload is text, even if it looks like JSON. */
  readonly text?: boolean;
  readonly stored?: boolean;
  readonly event?: string;
  readonly count?: number;
}

/** Unanswered messages when reading from a pipe; the pipe waits then. */
const MAX_UNANSWERED = 500;

/** Publishes the payload, or each line of stdin. */
export async function pub(channel: string, payload: string | undefined, flags: PubFlags): Promise<void> {
  const fromStdin = payload === '-' || (payload === undefined && process.stdin.isTTY !== true);
  if (payload === undefined && !fromStdin) {
    throw usageError(
      'There is nothing to publish',
      'Give a payload, or pipe lines in: echo hello | carillon pub chat:lobby',
    );
  }
  exitWhenReaderIsGone();
  const client = await openClient(resolveTarget(flags), () => undefined);
  const publisher = new Publisher(client, channel, flags);
  try {
    if (fromStdin) for await (const line of lines()) await publisher.publish(line);
    else for (let i = 0; i < (flags.count ?? 1); i++) await publisher.publish(payload!);
    await publisher.finish();
  } finally {
    client.close();
  }
}

function lines(): AsyncIterable<string> {
  return createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
}

class Publisher {
  readonly #client: RealtimeClient;
  readonly #channel: string;
  readonly #flags: PubFlags;
  readonly #open = new Set<Promise<void>>();
  #failure: CliError | undefined;

  constructor(client: RealtimeClient, channel: string, flags: PubFlags) {
    this.#client = client;
    this.#channel = channel;
    this.#flags = flags;
  }

  /** Resolves when another one may come. */
  async publish(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const sending: Promise<void> = this.#send(text).finally(() => this.#open.delete(sending));
    this.#open.add(sending);
    while (this.#open.size >= MAX_UNANSWERED) await Promise.race(this.#open);
  }

  async #send(text: string): Promise<void> {
    const { event, stored = false } = this.#flags;
    const options = event === undefined ? {} : { event };
    try {
      const publishing = this.#client.publish(this.#channel, this.#payloadOf(text), { ...options, stored });
      const receipt = await publishing;
      await publishing.stored;
      print(this.#line(receipt));
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      this.#failure ??= new CliError(code === undefined ? message : `${message} (${code})`);
    }
  }

  #payloadOf(text: string): unknown {
    if (this.#flags.text) return text;
    try {
      return JSON.parse(text);
    } catch {
      return text; // anything that is not JSON is sent as a string
    }
  }

  #line({ epoch, seq, id, duplicate }: PublishReceipt): string {
    const stored = this.#flags.stored || undefined;
    if (this.#flags.json ?? process.stdout.isTTY !== true) {
      return JSON.stringify({
        channel: this.#channel,
        epoch,
        seq,
        id,
        duplicate: duplicate || undefined,
        stored,
      });
    }
    return `${out.green('✓')} ${this.#channel}  ${out.bold(String(seq))}  ${out.dim(`${stored ? 'stored' : 'accepted'} as ${id}, epoch ${epoch}`)}`;
  }

  async finish(): Promise<void> {
    await Promise.all(this.#open);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
