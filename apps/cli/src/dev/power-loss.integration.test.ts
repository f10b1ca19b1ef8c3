/** `carillon dev` as a real process, whose journal loses its end as with a loss of power. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env as inherited } from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Message, type Position, RealtimeClient } from '@carillon/client';
import { freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findDevState } from '../target/dev-state.ts';

const BIN = fileURLToPath(new URL('../../bin/carillon.js', import.meta.url));
/** Part of the first frame that is lost: the file ends in the middle of it. */
const REMAINS_BYTES = 5;

let dataDir: string;
let env: Record<string, string>;
let instance: ServerProcess;
const clients: RealtimeClient[] = [];

async function start(): Promise<void> {
  instance = await startProcess({
    command: process.execPath,
    args: [BIN, 'dev'],
    env: { ...inherited, ...env },
    readyPattern: /In another terminal/,
  });
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'carillon-power-loss-'));
  env = {
    CARILLON_DATA_DIR: dataDir,
    CARILLON_GATEWAY_PORT: String(await freePort()),
    CARILLON_ADMIN_PORT: String(await freePort()),
    CARILLON_NAMESPACES: JSON.stringify({ quick: { durable: false } }),
  };
  await start();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await instance.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

async function connect(): Promise<RealtimeClient> {
  const child = spawn(process.execPath, [BIN, 'token'], { env: { ...inherited, ...env } });
  const token = (await text(child.stdout)).trim();
  const { gatewayUrl } = findDevState(dataDir)!;
  const client = new RealtimeClient({ url: gatewayUrl, token, backoff: { initialMs: 20, maxMs: 200 } });
  clients.push(client);
  await client.connect();
  return client;
}

const journal = (): string =>
  join(dataDir, 'journal', readdirSync(join(dataDir, 'journal')).findLast((name) => name.endsWith('.log'))!);

/**
 * Resumes with `position`. Returns the recovery result and the messages received up to a barrier message published
 * afterwards.
 */
async function comeBack(channel: string, position: Position) {
  const client = await connect();
  const told = Promise.withResolvers<{ recovered: boolean; reason?: string | undefined }>();
  client.on('recovered', told.resolve);
  const messages: Message[] = [];
  const last = Promise.withResolvers<void>();
  const subscription = client.subscribe(
    channel,
    (message) => {
      messages.push(message);
      if (message.payload === 'last') last.resolve();
    },
    { position },
  );
  await subscription.ready();
  const { recovered, reason } = await told.promise;
  await client.publish(channel, 'last');
  await last.promise;
  client.close();
  return { recovered, reason, payloads: messages.map(({ payload }) => payload) };
}

it('[D7] what the power took is told, and no position has two contents', { timeout: 120_000 }, async () => {
  const client = await connect();
  const places = new Map<string, unknown>();
  const subscribe = (channel: string): void => {
    client.subscribe(channel, ({ epoch, seq, payload }) => {
      const place = `${channel} ${epoch}:${seq}`;
      expect([undefined, payload], place).toContain(places.get(place));
      places.set(place, payload);
    });
  };
  const publish = async (channel: string, from: number, to: number, stored: boolean) => {
    let at: Position = { epoch: '', seq: 0 };
    for (let n = from; n <= to; n++) {
      const receipt = await client.publish(channel, `${channel} ${n}`, { stored });
      at = { epoch: receipt.epoch, seq: receipt.seq };
    }
    return at;
  };
  subscribe('quick:a');
  subscribe('chat:a');
  await publish('chat:a', 1, 3, true);
  const quick = await publish('quick:a', 1, 3, false);
  const size = statSync(journal()).size;
  const chat = await publish('chat:a', 4, 6, true);
  await publish('quick:a', 4, 6, false);
  await instance.kill('SIGKILL');
  truncateSync(journal(), size + REMAINS_BYTES);
  const told = new Promise<unknown>((resolve) =>
    client.on('recovered', (event) => {
      if (event.channel === 'quick:a') resolve(event);
    }),
  );
  await start();
  expect(instance.output).toContain('The journal may lack the messages that were accepted last');
  expect(await told, 'it had quick 4 to 6, which nobody has').toMatchObject({
    recovered: false,
    reason: 'epoch-changed',
  });
  // quick 4 to 6 are lost, and not 1 to 3; the database has chat 4 to 6.
  expect(await comeBack('quick:a', { ...quick, seq: 1 })).toEqual({
    recovered: true,
    payloads: ['quick:a 2', 'quick:a 3', 'last'],
  });
  expect(await comeBack('quick:a', { ...quick, seq: 5 })).toEqual({
    recovered: false,
    reason: 'epoch-changed',
    payloads: ['last', 'last'],
  });
  const { payloads } = await comeBack('chat:a', { ...chat, seq: 2 });
  expect(payloads).toEqual(['chat:a 3', 'chat:a 4', 'chat:a 5', 'chat:a 6', 'last']);
  await publish('chat:a', 7, 9, true);
  await publish('quick:a', 7, 9, false);
  const { messages } = await client.history('chat:a', { limit: 20 });
  expect(messages.toReversed().map(({ payload }) => payload)).toEqual([
    ...[1, 2, 3, 4, 5, 6].map((n) => `chat:a ${n}`),
    'last',
    ...[7, 8, 9].map((n) => `chat:a ${n}`),
  ]);
});
