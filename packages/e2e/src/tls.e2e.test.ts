/** Redis over TLS with a user and a password, Postgres over TLS, both with an authority that only NODE_EXTRA_CA_CERTS names. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type Certificates,
  eventually,
  makeCertificates,
  redisCommand,
  startPostgres,
  startProcess,
  startRedis,
  startRedisCluster,
  startSentinelledRedis,
  type TestPostgres,
  type TestRedis,
} from '@carillon/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';
import { connectClient, startSubscriber } from './people.ts';
import { ADMIN_TOKEN, migrate, startServices } from './services.ts';
import { storedMessages } from './stored-messages.ts';

const PASSWORD = 'p@ss/w:rd%';
const SENTINEL_PASSWORD = 'an+other/p@ss&w=rd';
const WRONG = 'not-this-one';
const RIGHTS = ['on', `>${PASSWORD}`, '~carillon:*', '&carillon:*', '+@all', '-@dangerous', '+info'];

let dir: string;
let certificates: Certificates;
let redis: TestRedis;
let postgres: TestPostgres;
let redisUrl: string;
let databaseUrl: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'carillon-tls-'));
  certificates = await makeCertificates(dir);
  const aclfile = join(dir, 'users.acl');
  await writeFile(aclfile, `user default off\nuser carillon ${RIGHTS.join(' ')}\n`);
  redis = await startRedis({ appendonly: true, tls: certificates, config: { aclfile } });
  postgres = await startPostgres({ tls: certificates });
  redisUrl = redis.url.replace('//', `//carillon:${encodeURIComponent(PASSWORD)}@`);
  databaseUrl = `${postgres.url.replace('127.0.0.1', 'localhost')}?sslmode=verify-full`;
}, 180_000);

afterAll(async () => {
  await redis?.stop();
  await postgres?.stop();
  await rm(dir, { recursive: true, force: true });
});

it('all services work, their jobs too', { timeout: 180_000 }, () => useAll(redisUrl));

it('all services work on Redis Cluster, their jobs too', { timeout: 240_000 }, async () => {
  const cluster = await startRedisCluster({ appendonly: true, tls: certificates });
  try {
    // The default user stays as it is: the cluster is made with it.
    for (const node of cluster.nodes) await redisCommand(node, 'ACL', 'SETUSER', 'carillon', ...RIGHTS);
    await useAll(cluster.url.replace('//', `//carillon:${encodeURIComponent(PASSWORD)}@`));
    for (const node of cluster.nodes)
      expect(String(await redisCommand(node, 'INFO', 'keyspace'))).toContain('db0:keys');
  } finally {
    await cluster.stop();
  }
});

it('all services work on Sentinel with passwords of its own, before a failover and after it', {
  timeout: 360_000,
}, async () => {
  const sentinelled = await startSentinelledRedis({
    appendonly: true,
    tls: certificates,
    password: PASSWORD,
    sentinelPassword: SENTINEL_PASSWORD,
  });
  try {
    await useAll(sentinelled.url);
    await sentinelled.failOver();
    await sentinelled.primary.kill();
    await useAll(sentinelled.url);
  } finally {
    await sentinelled.stop();
  }
});

it('says so when the password of the sentinels is wrong, without the passwords', {
  timeout: 120_000,
}, async () => {
  const sentinelled = await startSentinelledRedis({
    ...{ tls: certificates, password: PASSWORD, sentinelPassword: SENTINEL_PASSWORD },
  });
  const url = sentinelled.url.replace(encodeURIComponent(SENTINEL_PASSWORD), WRONG);
  try {
    await refusedWith(url, 'WRONGPASS', { NODE_EXTRA_CA_CERTS: certificates.caFile });
  } finally {
    await sentinelled.stop();
  }
});

async function useAll(url: string): Promise<void> {
  const env = {
    NODE_EXTRA_CA_CERTS: certificates.caFile,
    CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1',
    CARILLON_PARTITIONS: '3',
  };
  await migrate(databaseUrl, env);
  const services = await startServices({ redisUrl: url, databaseUrl, admin: true, env });
  const [first, second] = services.gateways;
  const before = (await storedMessages(postgres.url)).size;
  const ledger = new Ledger();
  const subscriber = await startSubscriber('subscriber', second!.port, ['tls:a'], ledger);
  const subscriberToo = await startSubscriber('other', first!.port, ['tls:a'], ledger);
  const publisher = await connectClient('publisher', first!.port);
  try {
    for (let n = 0; n < 20; n++) {
      const publishing = publisher.publish('tls:a', { key: `${n}` }, { stored: true });
      ledger.accepted.push({ channel: 'tls:a', ...(await publishing), key: `${n}` });
      await publishing.stored;
    }
    await eventually(() => ledger.hasAll('subscriber') && ledger.hasAll('other'), { what: 'all came' });
    expect((await storedMessages(postgres.url)).size).toBe(before + 20);
    const admin = `http://127.0.0.1:${services.admin!.port}`;
    const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' };
    const asked = await fetch(`${admin}/v1/retention/run`, { method: 'POST', headers, body: '{}' });
    const { jobId } = (await asked.json()) as { readonly jobId: string };
    await eventually(
      async () =>
        (await (await fetch(`${admin}/v1/jobs/${jobId}`, { headers })).text()).includes('"completed"'),
      { what: 'the job is done', timeoutMs: 60_000 },
    );
    const all = [...services.gateways, ...services.routers, ...services.persistence, services.admin!];
    // A look at a busy machine may be answered late, and says so once.
    for (const { name, port } of all)
      await eventually(
        async () => {
          const ready = await (await fetch(`http://127.0.0.1:${port}/ready`)).text();
          // The last server that is left could keep no promise of replicas.
          const other = ready.replace(/"ok":false,"problem":"min-replicas-to-write is 0[^"]*"/g, '');
          return !other.includes('"ok":false');
        },
        { what: `${name} has no complaint` },
      );
    for (const { name, output } of [...services.gateways, ...services.routers, ...services.persistence])
      expect(output, name).not.toMatch(/NOPERM|certificate/);
  } finally {
    for (const client of [subscriber, subscriberToo, publisher]) client.close();
    await services.stop();
  }
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

it.each([
  ['nobody knows the authority of Redis', false, 'certificate'],
  ['the password is wrong', true, 'WRONGPASS'],
])(
  'when %s a service says so, without the password, and goes on trying',
  {
    timeout: 120_000,
  },
  async (_what, isWrong, says) => {
    if (isWrong)
      await refusedWith(redisUrl.replace(encodeURIComponent(PASSWORD), WRONG), says, {
        NODE_EXTRA_CA_CERTS: certificates.caFile,
      });
    else await refusedWith(redisUrl, says);
  },
);

/** A service that can not get at Redis says why, without any password, and lives on. */
async function refusedWith(
  url: string,
  says: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const persistence = await startProcess({
    command: process.execPath,
    args: [`${ROOT}apps/persistence/src/main.ts`],
    env: {
      ...{ CARILLON_REDIS_URL: url, CARILLON_DATABASE_URL: databaseUrl, CARILLON_PERSISTENCE_PORT: '0' },
      ...env,
    },
  });
  try {
    await eventually(() => persistence.output.includes(says), {
      what: `it says ${says}`,
      timeoutMs: 60_000,
    });
    expect(persistence.running).toBe(true);
    for (const password of [PASSWORD, SENTINEL_PASSWORD, WRONG])
      for (const text of [password, encodeURIComponent(password)])
        expect(persistence.output).not.toContain(text);
  } finally {
    await persistence.stop();
  }
}
