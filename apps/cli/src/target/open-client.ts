import { RealtimeClient, type RealtimeClientOptions, type RealtimeError } from '@carillon/client';
import { err, note } from '../output/style.ts';
import { connectionFailure } from './diagnose.ts';
import type { Target } from './resolve-target.ts';

/** Shown in the server's list of connections. */
const CLIENT = { name: 'carillon-cli', version: '0.1.0' };

/**
 * A client that has connected once. The first failure ends it, because a person waits for an answer; later ones are the SDK's
 * to mend.
 * @throws CliError with what to do about it.
 */
export async function openClient(
  target: Target,
  prepare: (client: RealtimeClient) => void,
  options: Pick<RealtimeClientOptions, 'encoding'> = {},
): Promise<RealtimeClient> {
  const client = new RealtimeClient({ url: target.url, client: CLIENT, ...options, ...target.auth });
  tellDegraded(client);
  prepare(client);
  const failure = await firstFailure(client);
  if (failure === undefined) return client;
  client.close();
  throw await connectionFailure(target, failure);
}

/** A client waits as long as Redis is away; a person wants to know for what. */
function tellDegraded(client: RealtimeClient): void {
  client.on('degraded', ({ degraded }) =>
    note(
      degraded
        ? `${err.yellow('●')} the service is degraded: its Redis is away. Waiting; Ctrl-C ends it`
        : `${err.green('●')} ${err.dim('the service is complete again')}`,
    ),
  );
}

async function firstFailure(client: RealtimeClient): Promise<RealtimeError | undefined> {
  const { promise, resolve } = Promise.withResolvers<RealtimeError | undefined>();
  const off = client.on('reconnecting', ({ error }) => resolve(error));
  client.connect().then(
    () => resolve(undefined),
    (error: RealtimeError) => resolve((error.cause as RealtimeError | undefined) ?? error),
  );
  const failure = await promise;
  off();
  return failure;
}
