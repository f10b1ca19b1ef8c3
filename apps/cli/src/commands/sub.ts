import type { Message, Position, RealtimeClient } from '@carillon/client';
import { protobuf } from '@carillon/client/protobuf';
import { CliError, usageError } from '../cli-error.ts';
import { SIGINT_EXIT_CODE } from '../exit-codes.ts';
import { messageJson, messageText } from '../output/message-line.ts';
import { err, exitWhenReaderIsGone, note, print, wantsJson } from '../output/style.ts';
import { openClient } from '../target/open-client.ts';
import { resolveTarget, type TargetFlags } from '../target/resolve-target.ts';

export interface SubFlags extends TargetFlags {
  readonly json?: boolean;
  readonly count?: number;
  readonly since?: Position;
  readonly encoding?: 'json' | 'protobuf';
}

/** Prints messages until Ctrl-C, or until `count` have come. */
export async function sub(channels: readonly string[], flags: SubFlags): Promise<void> {
  if (flags.since !== undefined && channels.length > 1) {
    throw usageError('--since goes with one channel', 'A position belongs to one channel.');
  }
  const pattern = channels.find((channel) => channel.includes('*'));
  if (pattern !== undefined)
    throw usageError(
      `"${pattern}" is a pattern, and only channels can be subscribed to`,
      'Name them: carillon sub chat:lobby chat:help. Patterns stand in capabilities of tokens.',
    );
  exitWhenReaderIsGone();
  const format = wantsJson(flags.json) ? messageJson : messageText;
  const target = resolveTarget(flags);
  let left = flags.count ?? Number.POSITIVE_INFINITY;
  const done = Promise.withResolvers<void>();
  const onMessage = (message: Message) => {
    if (left <= 0) return;
    print(format(message));
    left--;
    if (left === 0) done.resolve();
  };
  const options = flags.encoding === 'protobuf' ? { encoding: protobuf } : {};
  const client = await openClient(target, narrate, options);
  process.once('SIGINT', () => {
    client.close();
    process.exit(SIGINT_EXIT_CODE);
  });
  const from = flags.since === undefined ? {} : { position: flags.since };
  const subscriptions = channels.map((channel) => client.subscribe(channel, onMessage, from));
  client.on('gaveUp', ({ error }) => done.reject(new CliError(error.message)));
  await Promise.all(subscriptions.map((subscription) => subscription.ready().catch(explain)));
  note(err.dim(`subscribed to ${channels.join(', ')}; Ctrl-C ends it`));
  await done.promise;
  client.close();
}

function explain(error: Error & { code?: string }): never {
  throw new CliError(`${error.message}${error.code === undefined ? '' : ` (${error.code})`}`);
}

/** Reports connection events on stderr, so that stdout carries messages only. */
function narrate(client: RealtimeClient): void {
  let connectedOnce = false;
  let toldWhy = false;
  client.on('connected', ({ gateway, user, reconnected }) => {
    connectedOnce = true;
    const what = reconnected ? 'connected again' : 'connected';
    good(`${what} to gateway ${gateway} ${user === undefined ? 'without a user' : `as ${user}`}`);
  });
  client.on('disconnected', ({ code, reason, willReconnect }) => {
    toldWhy = true;
    if (willReconnect) bad(`disconnected: ${reason} (${code})`);
  });
  client.on('reconnecting', ({ error, delayMs }) => {
    const why = toldWhy ? '' : `${error.message}; `;
    toldWhy = false;
    if (connectedOnce)
      note(`${err.yellow('●')} ${err.dim(`${why}next attempt in ${(delayMs / 1000).toFixed(1)} s`)}`);
  });
  client.on('recovered', ({ channel, recovered, missed, reason }) => {
    if (!recovered)
      bad(`${channel}: messages are missing, or may be (${reason}); what can still be given follows`);
    else if (missed > 0) good(`${channel}: ${missed} missed, recovered`);
  });
  client.on('gap', ({ channel, from, to, reason }) => {
    bad(`${channel}: messages from ${from.epoch}:${from.seq} to ${to.epoch}:${to.seq} are gone (${reason})`);
  });
}

function good(text: string): void {
  note(`${err.green('●')} ${err.dim(text)}`);
}

function bad(text: string): void {
  note(`${err.red('●')} ${text}`);
}
