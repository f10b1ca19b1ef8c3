/** Subscribers and publishers that write down in a ledger what they were told. */
import { RealtimeClient } from '@carillon/client';
import type { CapabilitiesClaim } from '@carillon/protocol';
import { mintToken } from '@carillon/server';
import { JWT_SECRET } from './cluster.ts';
import type { Ledger } from './ledger.ts';

const EVERYTHING = { '*': ['subscribe', 'publish', 'presence', 'history'] } as const;

export interface Rights {
  /** Default: the app of an installation that has only one. */
  readonly app?: string;
  readonly capabilities?: CapabilitiesClaim;
}

export async function tokenFor(
  userId: string,
  { app, capabilities = EVERYTHING }: Rights = {},
): Promise<string> {
  return await mintToken({
    secret: JWT_SECRET,
    userId,
    capabilities,
    expiresInMs: 24 * 3_600_000,
    ...(app === undefined ? {} : { claims: { app } }),
  });
}

/** For tests in which nobody may leave but by what the test does: no pause of this machine is taken for a dead connection. */
export const PATIENT_MS = 60_000;

/** @param silentMs a server that says nothing for this long after a ping is taken for dead */
export async function connectClient(
  user: string,
  port: number,
  rights?: Rights,
  silentMs = 2000,
): Promise<RealtimeClient> {
  const client = new RealtimeClient({
    url: `ws://127.0.0.1:${port}`,
    token: await tokenFor(user, rights),
    backoff: { initialMs: 50, maxMs: 500 },
    pongTimeoutMs: silentMs,
    pingIntervalMs: 1000,
  });
  client.connect();
  return client;
}

interface Numbered {
  readonly key: string;
}

/** Subscribes and waits until the server has confirmed every channel. */
export async function startSubscriber(
  name: string,
  port: number,
  channels: readonly string[],
  ledger: Ledger,
): Promise<RealtimeClient> {
  const client = await connectClient(name, port);
  await Promise.all(
    channels.map(
      (channel) =>
        new Promise<void>((resolve) => {
          const subscription = client.subscribe<Numbered>(channel, ({ epoch, seq, payload }) =>
            ledger.receive(name, channel, { epoch, seq, key: payload.key }),
          );
          subscription.on('subscribed', () => resolve());
        }),
    ),
  );
  return client;
}

export interface PublisherRun {
  /** Stops publishing and waits until everything that was published is settled. */
  finish(): Promise<void>;
  /** Stops publishing; what is open by now may fail, its client is about to be closed. Does nothing after `finish`. */
  abandon(): void;
  published(): number;
}

/** Far from what a client's outbox takes: one more would be refused. */
const MAX_OPEN = 500;

/** Publishes to the channels in turn, `everyMs` apart, and writes what was accepted into the ledger. Holds back while many are open. */
export function startPublishing(
  name: string,
  client: RealtimeClient,
  channels: readonly string[],
  ledger: Ledger,
  everyMs: number,
): PublisherRun {
  const open = new Set<Promise<void>>();
  let count = 0;
  const publishOne = async (): Promise<void> => {
    const channel = channels[count % channels.length]!;
    const key = `${name}-${++count}`;
    ledger.unresolved.add(key);
    const { epoch, seq } = await client.publish(channel, { key });
    ledger.unresolved.delete(key);
    ledger.accepted.push({ channel, epoch, seq, key });
  };
  const timer = setInterval(() => {
    if (open.size >= MAX_OPEN) return;
    const running: Promise<void> = publishOne().finally(() => open.delete(running));
    open.add(running);
  }, everyMs);
  return {
    published: () => count,
    finish: async () => {
      clearInterval(timer);
      await Promise.all(open);
    },
    abandon: () => {
      clearInterval(timer);
      for (const running of open) running.catch(() => undefined);
    },
  };
}
