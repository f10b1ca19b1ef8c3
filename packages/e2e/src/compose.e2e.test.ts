/** D1, D2, D3, D6 and graceful stops of the images, as docker-compose.yml starts them. Skipped where no Docker engine answers. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RealtimeClient } from '@carillon/client';
import { eventually, freePort } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, JWT_SECRET } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { connectClient, type PublisherRun, startPublishing, startSubscriber } from './people.ts';
import { storedMessages } from './stored-messages.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PROJECT = `carillon-e2e-${process.pid}`;
const BASE_IMAGES = ['node:24-bookworm-slim', 'redis:7', 'postgres:17'];
const SERVICES = ['gateway-1', 'gateway-2', 'router-1', 'router-2', 'persistence', 'admin'] as const;
const CHANNELS = ['compose:a', 'compose:b', 'compose:c', 'compose:d'];
const SUBSCRIBERS = ['subscriber-1', 'subscriber-2', 'subscriber-3', 'subscriber-4'];
/** Publishes between two steps: enough that a kill falls among them. */
const BETWEEN_STEPS = 120;

const run = promisify(execFile);

/** Runs docker with `settings` on top of this process's environment. */
async function docker(args: readonly string[], settings: readonly string[] = []): Promise<string> {
  const command = [...settings, 'docker', ...args];
  const { stdout } = await run('env', command, { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

const answers = (...args: string[]): Promise<boolean> =>
  docker(args).then(
    () => true,
    () => false,
  );

async function whyNot(): Promise<string | undefined> {
  if (!(await answers('info'))) return 'no Docker engine answers';
  if (!(await answers('compose', 'version'))) return 'docker compose is not installed';
  for (const image of BASE_IMAGES)
    if (!(await answers('image', 'inspect', image)) && !(await answers('pull', '--quiet', image)))
      return `the image ${image} is not here and could not be pulled`;
  return undefined;
}

interface Ports {
  readonly 'gateway-1': number;
  readonly 'gateway-2': number;
  readonly admin: number;
  readonly postgres: number;
}

/** Free ports, image names of our own, and the routed lane as soon as both gateways want a channel. */
function overrides(ports: Ports): string {
  const service = (name: string, port?: string): string =>
    JSON.stringify({
      image: `carillon-e2e/${name.replace(/-\d$/, '').replace('migrate', 'persistence')}`,
      environment: name === 'migrate' ? {} : { CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1' },
    }).replace(/\}$/, port === undefined ? '}' : `,"ports":!override [${JSON.stringify(port)}]}`);
  return [
    'services:',
    `  gateway-1: ${service('gateway-1', `127.0.0.1:${ports['gateway-1']}:8080`)}`,
    `  gateway-2: ${service('gateway-2', `127.0.0.1:${ports['gateway-2']}:8080`)}`,
    `  admin: ${service('admin', `127.0.0.1:${ports.admin}:8081`)}`,
    ...['router-1', 'router-2', 'persistence', 'migrate'].map((name) => `  ${name}: ${service(name)}`),
    // Clients here choose their gateway.
    '  proxy: { profiles: [unused] }',
    `  postgres: { ports: ["127.0.0.1:${ports.postgres}:5432"] }`,
    '',
  ].join('\n');
}

const reason = await whyNot();
if (reason !== undefined) process.stderr.write(`compose.e2e.test.ts is skipped: ${reason}\n`);

describe.skipIf(reason !== undefined)('docker compose', () => {
  const ledger = new Ledger();
  const clients: RealtimeClient[] = [];
  const publishers: PublisherRun[] = [];
  let folder: string;
  let ports: Ports;
  const settings = [`CARILLON_JWT_SECRET=${JWT_SECRET}`, `CARILLON_ADMIN_TOKEN=${ADMIN_TOKEN}`];

  const compose = (...args: string[]): Promise<string> => {
    const files = ['-f', join(ROOT, 'docker-compose.yml'), '-f', join(folder, 'overrides.yml')];
    return docker(['compose', '-p', PROJECT, ...files, ...args], settings);
  };
  const ready = (port: number): Promise<Response> => fetch(`http://127.0.0.1:${port}/ready`);
  const traffic = async (): Promise<void> => {
    const goal = ledger.accepted.length + BETWEEN_STEPS;
    await eventually(() => ledger.accepted.length >= goal, {
      what: `${BETWEEN_STEPS} more accepted publishes`,
      timeoutMs: 60_000,
    });
  };
  const databaseUrl = (): string => `postgres://carillon:carillon@127.0.0.1:${ports.postgres}/carillon`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'carillon-compose-'));
    ports = {
      'gateway-1': await freePort(),
      'gateway-2': await freePort(),
      admin: await freePort(),
      postgres: await freePort(),
    };
    // Engines without the buildx plugin have the classic builder only.
    if (!(await answers('buildx', 'version'))) settings.push('DOCKER_BUILDKIT=0');
    await writeFile(join(folder, 'overrides.yml'), overrides(ports));
    await compose('build');
  }, 600_000);

  afterAll(async () => {
    for (const publisher of publishers) publisher.abandon();
    for (const client of clients) client.close();
    if (folder === undefined) return;
    await compose('down', '--volumes', '--timeout', '1');
    await rm(folder, { recursive: true });
  }, 180_000);

  it('runs the services as a user without rights', async () => {
    for (const name of ['gateway', 'router', 'persistence', 'admin'])
      expect((await docker(['inspect', '-f', '{{.Config.User}}', `carillon-e2e/${name}`])).trim()).toBe(
        'node',
      );
  });

  it('has services that wait for Redis and Postgres, and say so', { timeout: 240_000 }, async () => {
    await compose('up', '--detach', '--no-deps', ...SERVICES);
    await eventually(
      async () => {
        const answer = await ready(ports['gateway-1']);
        return answer.status === 503 && /Redis|broker/i.test(await answer.text());
      },
      { what: 'the gateway answers that it is not ready, and why', timeoutMs: 30_000 },
    );
    expect((await fetch(`http://127.0.0.1:${ports['gateway-1']}/health`)).status).toBe(200);
    const waiting = async (service: string): Promise<boolean> =>
      /"level":"(warn|error)".*(redis|broker|database|Postgres)/i.test(
        await compose('logs', '--no-color', service),
      );
    for (const service of SERVICES)
      await eventually(() => waiting(service), {
        what: `${service} says what it waits for`,
        timeoutMs: 30_000,
      });
    for (const service of SERVICES)
      expect(await compose('ps', '--status', 'running', '--services', service)).toContain(service);
  });

  it('comes up healthy, without a warning about settings', { timeout: 300_000 }, async () => {
    // Without --wait: on a slow machine those above have waited for so long that they count as unhealthy until they are asked again.
    await compose('up', '--detach');
    const ids = (await compose('ps', '--quiet', ...SERVICES)).trim().split('\n');
    const health = async () =>
      (await docker(['inspect', '-f', '{{.State.Health.Status}}', ...ids])).trim().split('\n');
    await eventually(async () => (await health()).every((status) => status === 'healthy'), {
      what: 'every service is healthy',
      timeoutMs: 120_000,
    });
    expect(ids).toHaveLength(SERVICES.length);
    for (const port of [ports['gateway-1'], ports['gateway-2'], ports.admin])
      await eventually(async () => (await ready(port)).status === 200, { what: `${port} is ready` });
    const logs = await compose('logs', '--no-color', '--no-log-prefix', ...SERVICES, 'migrate');
    expect(logs.split('\n').filter((line) => line.includes('CARILLON_'))).toEqual([]);
    const notJson = logs.split('\n').filter((line) => line !== '' && !line.startsWith('{"level"'));
    expect(notJson).toEqual([]);
  });

  it('goes on after each container is killed while messages flow', { timeout: 600_000 }, async () => {
    const gateways = [ports['gateway-1'], ports['gateway-2']];
    for (const [i, name] of SUBSCRIBERS.entries())
      clients.push(await startSubscriber(name, gateways[i % 2]!, CHANNELS, ledger));
    for (const [i, port] of gateways.entries()) {
      const client = await connectClient(`publisher-${i}`, port);
      clients.push(client);
      publishers.push(startPublishing(`publisher-${i}`, client, CHANNELS, ledger, 10));
    }
    for (const service of [...SERVICES, 'redis', 'postgres']) {
      await traffic();
      await compose('kill', '--signal', 'KILL', service);
      await compose('start', service);
      await traffic();
    }
  });

  it('[D1 D2 D3 D6] lost nothing, doubled nothing, reordered nothing, and Postgres has it all', {
    timeout: 240_000,
  }, async () => {
    await Promise.all(publishers.map((publisher) => publisher.finish()));
    for (const subscriber of SUBSCRIBERS)
      await eventually(() => ledger.hasAll(subscriber), {
        what: `${subscriber} has all messages`,
        timeoutMs: 30_000,
      });
    expect(ledger.violations(SUBSCRIBERS)).toEqual([]);
    expect(ledger.unresolved.size).toBe(0);
    await eventually(async () => (await storedMessages(databaseUrl())).size >= ledger.accepted.length, {
      what: 'all messages in Postgres',
      timeoutMs: 30_000,
    });
    const stored = await storedMessages(databaseUrl());
    expect(stored.size).toBe(ledger.accepted.length);
    for (const { channel, epoch, seq, key } of ledger.accepted)
      expect(stored.get(`${channel} ${epoch}:${seq}`)).toBe(key);
  });

  it('stops gracefully, and goes on where it was', { timeout: 300_000 }, async () => {
    await compose('stop');
    const ids = (await compose('ps', '--all', '--quiet')).trim().split('\n');
    const ends = await docker(['inspect', '-f', '{{.Name}} {{.State.ExitCode}}', ...ids]);
    const names = [...SERVICES, 'migrate', 'postgres', 'redis'].map((name) => `/${PROJECT}-${name}-1 0`);
    expect(ends.trim().split('\n').sort()).toEqual(names.sort());

    // The newest one: of two publishers, the answer to the later message may have come first.
    const last = ledger.accepted
      .filter(({ channel }) => channel === CHANNELS[0])
      .reduce((a, b) => (a.seq > b.seq ? a : b));
    await compose('up', '--detach', '--wait');
    const { epoch, seq } = await clients[0]!.publish(CHANNELS[0]!, { key: 'after the stop' });
    // Redis is another process: its channels go on in new epochs.
    expect(seq).toBe(epoch === last.epoch ? last.seq + 1 : 1);
    await eventually(() => ledger.receivedCount(SUBSCRIBERS[3]!) === ledger.accepted.length + 1, {
      what: 'a subscriber of the other gateway has the message after the stop',
      timeoutMs: 20_000,
    });
  });
});
