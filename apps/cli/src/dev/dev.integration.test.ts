/** `carillon dev` and the commands that talk to it, as real processes. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env as inherited } from 'node:process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type Message, RealtimeClient } from '@carillon/client';
import { BackendClient, createWorker } from '@carillon/server';
import { eventually, freePort, type ServerProcess, startProcess } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDevState } from '../target/dev-state.ts';

const BIN = fileURLToPath(new URL('../../bin/carillon.js', import.meta.url));
const CHANNEL = 'chat:lobby';

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  readonly lines: readonly Record<string, unknown>[];
}

let dataDir: string;
let env: Record<string, string>;
let instance: ServerProcess;

function start(overrides: Record<string, string> = {}): Promise<ServerProcess> {
  return startProcess({
    command: process.execPath,
    args: [BIN, 'dev'],
    env: { ...inherited, ...env, ...overrides },
    readyPattern: /In another terminal/,
  });
}

async function carillon(
  args: readonly string[],
  input?: string,
  overrides: Record<string, string> = {},
): Promise<Result> {
  const child = spawn(process.execPath, [BIN, ...args], { env: { ...inherited, ...env, ...overrides } });
  child.stdin.end(input);
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('close', resolve)),
  ]);
  return { code, out, err, lines: jsonLines(out) };
}

function jsonLines(output: string): readonly Record<string, unknown>[] {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'carillon-dev-'));
  env = {
    CARILLON_DATA_DIR: dataDir,
    CARILLON_GATEWAY_PORT: String(await freePort()),
    CARILLON_ADMIN_PORT: String(await freePort()),
  };
  instance = await start();
});
afterAll(async () => {
  await instance.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('the commands', () => {
  it('find the running instance: what one publishes another one prints', async () => {
    const subscriber = await startProcess({
      command: process.execPath,
      args: [BIN, 'sub', CHANNEL, '--count', '3'],
      env: { ...inherited, ...env },
      readyPattern: /subscribed to/,
    });
    const published = await carillon(
      ['pub', CHANNEL, '--event', 'said', '--stored'],
      '{"text":"one"}\ntwo\n3\n',
    );
    expect(published.lines.map(({ seq, stored }) => [seq, stored])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
    expect(await subscriber.exited).toBe(0);
    expect(jsonLines(subscriber.output).map(({ seq, payload }) => [seq, payload])).toEqual([
      [1, { text: 'one' }],
      [2, 'two'],
      [3, 3],
    ]);
  });

  it('go on after a position, and page through history', async () => {
    const { lines } = await carillon(['history', CHANNEL, '--limit', '100']);
    expect(lines.slice(0, 3)).toMatchObject([
      { seq: 1, payload: { text: 'one' }, event: 'said' },
      { seq: 2, payload: 'two' },
      { seq: 3, payload: 3 },
    ]);
    const since = `${lines[0]!.epoch}:1`;
    const next = await carillon(['sub', CHANNEL, '--since', since, '--count', '2']);
    expect(next.lines.map(({ seq }) => seq)).toEqual([2, 3]);
    const ahead = await carillon(['history', CHANNEL, '--after', `${lines[0]!.epoch}:99`]);
    expect([ahead.code, ahead.lines]).toEqual([0, []]);
    expect(ahead.err).toContain('position-ahead: the channel has not reached this position');
  });

  it('mint tokens that the gateway takes, with just what they say', async () => {
    const { out } = await carillon(['token', '--user', 'eve', '--can', 'news=subscribe', '--ttl', '5m']);
    const refused = await carillon(['pub', 'news', 'x', '--token', out.trim()]);
    expect(refused).toMatchObject({ code: 1, lines: [] });
    expect(refused.err).toContain('PERMISSION_DENIED');
  });

  it('say what is wrong', async () => {
    const old = await carillon(['token', '--ttl', '30d']);
    expect([old.code, old.err]).toEqual([0, expect.stringContaining('older than a day')]);
    const page = await carillon([
      'pub',
      CHANNEL,
      'x',
      '--url',
      `http://127.0.0.1:${env.CARILLON_ADMIN_PORT}`,
    ]);
    expect(page.code, 'the address of the console stands for its instance').toBe(0);
    const nobody = await carillon(['sub', CHANNEL, '--url', `http://127.0.0.1:${await freePort()}`]);
    expect(nobody.code).toBe(1);
    expect(nobody.err).toMatch(/Nothing listens at .*\n.*Is the gateway running\?/);
    const bad = await carillon(['pub', CHANNEL, 'x', '--token', 'nonsense']);
    expect(bad.err).toContain('TOKEN_MALFORMED');
    const secret = await carillon(['token'], '', { CARILLON_JWT_SECRET: 'short' });
    expect(secret.err).toContain('at least 32');
  });
});

describe('the back-end SDK', () => {
  it('publishes over HTTP, once for each key, and reads it back', async () => {
    const { gatewayUrl, jwtSecret } = findDevState(dataDir)!;
    const backend = new BackendClient({ url: gatewayUrl, jwtSecret: jwtSecret! });
    const options = { event: 'order.paid', idempotencyKey: 'order-42', stored: true };
    const first = await backend.publish('orders:42', { state: 'paid' }, options);
    expect(first).toMatchObject({ seq: 1, duplicate: false, stored: true });
    expect(await backend.publish('orders:42', { state: 'paid' }, options)).toEqual({
      ...first,
      duplicate: true,
    });
    const batch = await backend.publishBatch('orders:42', [{ payload: 2 }, { payload: 3 }]);
    expect(batch).toMatchObject([{ seq: 2 }, { seq: 3 }]);
    const { messages, more } = await backend.history('orders:42', { after: first, limit: 1 });
    expect([messages.map(({ payload }) => payload), more]).toEqual([[2], true]);
    const conflict = backend.publish('orders:42', 'other content', options);
    await expect(conflict).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT', status: 409 });
  });

  it('schedules, lists and cancels', async () => {
    const { gatewayUrl, jwtSecret } = findDevState(dataDir)!;
    const { schedules } = new BackendClient({ url: gatewayUrl, jwtSecret: jwtSecret! });
    const later = await schedules.add('reminders:a', { n: 1 }, { delayMs: 3_600_000, idempotencyKey: 'r-1' });
    expect(later).toMatchObject({ channel: 'reminders:a', state: 'pending' });
    const again = await schedules.add('reminders:a', { n: 1 }, { delayMs: 3_600_000, idempotencyKey: 'r-1' });
    expect(again).toMatchObject({ id: later.id, duplicate: true });
    const past = schedules.add('reminders:a', 1, { deliverAt: new Date(0) });
    await expect(past).rejects.toMatchObject({ code: 'SCHEDULE_IN_PAST' });
    expect((await schedules.list({ channel: 'reminders:a' })).schedules).toMatchObject([{ id: later.id }]);
    expect(await schedules.cancel(later.id)).toMatchObject({ state: 'cancelled' });
    expect(await schedules.find(later.id)).toMatchObject({ state: 'cancelled' });
  });

  it('[D13] answers requests of clients', async () => {
    const { gatewayUrl, jwtSecret } = findDevState(dataDir)!;
    const { out } = await carillon(['token', '--user', 'zoe', '--can', 'quotes.*=request']);
    const worker = createWorker({
      url: gatewayUrl,
      jwtSecret: jwtSecret!,
      methods: { 'quotes.price': (symbol: string, { user }) => `${symbol} for ${user}` },
    });
    await worker.start();
    const client = new RealtimeClient({ url: gatewayUrl, token: out.trim() });
    await client.connect();
    expect(await client.request('quotes.price', 'ACME')).toBe('ACME for zoe');
    await expect(client.request('orders.buy')).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    await worker.stop();
    await expect(client.request('quotes.price')).rejects.toMatchObject({ code: 'NO_RESPONDER' });
    client.close();
  });

  it('reaches users, and everybody', async () => {
    const { gatewayUrl, jwtSecret } = findDevState(dataDir)!;
    const backend = new BackendClient({ url: gatewayUrl, jwtSecret: jwtSecret! });
    const { out } = await carillon(['token', '--user', 'zoe', '--can', 'none=subscribe']);
    const client = new RealtimeClient({ url: gatewayUrl.replace(/^http/, 'ws'), token: out.trim() });
    const direct = Promise.withResolvers<Message>();
    const notice = Promise.withResolvers<Message>();
    client.on('notification', notice.resolve);
    const subscription = client.subscribe('#user:zoe', direct.resolve);
    await client.connect();
    await subscription.ready();
    await backend.publishToUser('zoe', 'for you');
    await backend.notify({ level: 'info', text: 'for all' });
    expect(await direct.promise).toMatchObject({ payload: 'for you' });
    expect(await notice.promise).toMatchObject({
      event: 'SystemNotification',
      payload: { level: 'info', text: 'for all' },
    });
    client.close();
  });
});

describe('a second instance', () => {
  it('is refused on the same data directory', async () => {
    const { code, err } = await carillon(['dev']);
    expect(code).toBe(1);
    expect(err).toContain(`process ${instance.pid} uses ${dataDir}`);
  });

  it('is told which port is taken, and how to choose another', async () => {
    const other = mkdtempSync(join(tmpdir(), 'carillon-dev-'));
    const { code, err } = await carillon(['dev'], '', { CARILLON_DATA_DIR: other });
    expect(code).toBe(1);
    expect(err).toMatch(/port of the gateway, .* is taken .*\n.*CARILLON_GATEWAY_PORT=\d+/);
    rmSync(other, { recursive: true, force: true });
  });

  it('is told every wrong setting', async () => {
    const { err } = await carillon(['dev'], '', {
      CARILLON_DATA_DIR: mkdtempSync(join(tmpdir(), 'carillon-dev-')),
      CARILLON_GATEWAY_PORT: 'x',
      CARILLON_MAX_FRAME_BYTES: '1',
    });
    expect(err).toContain('CARILLON_GATEWAY_PORT');
    expect(err).toContain('CARILLON_MAX_FRAME_BYTES');
  });
});

describe('over a restart', () => {
  async function follow() {
    const { gatewayUrl } = findDevState(dataDir)!;
    const { out } = await carillon(['token']);
    const client = new RealtimeClient({
      url: gatewayUrl,
      token: out.trim(),
      backoff: { initialMs: 20, maxMs: 200 },
    });
    const seen: Message[] = [];
    const subscription = client.subscribe(CHANNEL, (message) => seen.push(message));
    await client.connect();
    await subscription.ready();
    return { client, seen, subscription };
  }

  const resumed = (client: RealtimeClient) =>
    new Promise<boolean>((resolve) => client.on('recovered', ({ recovered }) => resolve(recovered)));

  /** The messages received up to a barrier message published now: a message is accepted before it is delivered. */
  async function seenSoFar({
    client,
    seen,
  }: Awaited<ReturnType<typeof follow>>): Promise<readonly Message[]> {
    const { seq: last } = await client.publish(CHANNEL, 'the last');
    await eventually(() => seen.some(({ seq }) => seq >= last), { what: 'the last one is delivered' });
    expect(seen.pop()).toMatchObject({ payload: 'the last', seq: last });
    return seen;
  }

  it('a clean one goes on where it stopped, and clients recover', async () => {
    const following = await follow();
    const { client, subscription } = following;
    const before = subscription.position!;
    const recovered = resumed(client);
    expect(await instance.kill('SIGINT')).toBe(0);
    expect(existsSync(join(dataDir, 'dev.json'))).toBe(false);
    instance = await start();
    expect(await recovered).toBe(true);
    const { seq, epoch } = await client.publish(CHANNEL, 'after the restart');
    expect({ seq, epoch }).toEqual({ seq: before.seq + 1, epoch: before.epoch });
    expect(await seenSoFar(following)).toMatchObject([{ payload: 'after the restart', seq }]);
    client.close();
  });

  it('a clean one in the middle of a burst loses and doubles nothing', async () => {
    const following = await follow();
    const { client, subscription } = following;
    const first = subscription.position!.seq + 1;
    const count = 600;
    const receipts = Array.from({ length: count }, (_, i) => client.publish(CHANNEL, `burst ${i}`));
    await receipts[100];
    expect(await instance.kill('SIGINT')).toBe(0);
    instance = await start();
    const places = (await Promise.all(receipts)).map(({ seq }) => seq);
    expect(places).toEqual(places.map((_, i) => first + i));
    const expected = Array.from({ length: count }, (_, i) => `burst ${i}`);
    const { messages } = await client.history(CHANNEL, { limit: count });
    expect(messages.toReversed().map(({ payload }) => payload)).toEqual(expected);
    expect((await seenSoFar(following)).map(({ payload }) => payload)).toEqual(expected);
    client.close();
  });

  it('[D6] a crash in the middle of a burst loses and doubles nothing, and clients recover', async () => {
    const following = await follow();
    const { client, subscription } = following;
    const before = subscription.position!;
    const recoveries: boolean[] = [];
    client.on('recovered', ({ recovered }) => recoveries.push(recovered));
    const count = 600;
    const receipts = Array.from({ length: count }, (_, i) => client.publish(CHANNEL, `crash ${i}`));
    await receipts[100];
    await instance.kill('SIGKILL');
    instance = await start();
    const places = await Promise.all(receipts);
    expect(places.map(({ epoch, seq }) => [epoch, seq])).toEqual(
      places.map((_, i) => [before.epoch, before.seq + 1 + i]),
    );
    const expected = Array.from({ length: count }, (_, i) => `crash ${i}`);
    expect((await seenSoFar(following)).map(({ payload }) => payload)).toEqual(expected);
    expect(recoveries.length).toBeGreaterThan(0);
    expect(recoveries).not.toContain(false);
    const { messages } = await client.history(CHANNEL, { limit: count + 1 });
    expect(messages.toReversed().map(({ payload }) => payload)).toEqual([...expected, 'the last']);
    client.close();
  });
});

it('keeps the state of the instance to its user', () => {
  expect(readFileSync(join(dataDir, 'dev.json'), 'utf8')).toContain('jwtSecret');
});
