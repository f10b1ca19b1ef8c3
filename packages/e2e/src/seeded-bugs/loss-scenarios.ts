import { redisCommand, startTcpProxy } from '@carillon/testing';
import { publishInTurn } from '../loss/in-turn.ts';
import {
  caughtUp,
  consumersAreAt,
  goOn,
  isReady,
  messagesAreWritten,
  publishesEnd,
  startsInTime,
  storedAre,
  storedInLaterEpochs,
  storesOn,
} from './moments.ts';
import type { Scenario } from './scenario.ts';

const CHANNELS = ['c:a'];
/** A Redis of its own that loses nothing but by the story. */
const OWN_REDIS = { ownRedis: true, settleMs: 3000, env: { CARILLON_PARTITIONS: '1' } } as const;
const LOSS = { ...OWN_REDIS, expectations: { dataLost: true } } as const;
/** No gateway is given anything but by the router: while there is none, nobody hears of what is accepted. */
const BY_ROUTER = { ...OWN_REDIS.env, CARILLON_DIRECT_LANE_MAX_GATEWAYS: '0' } as const;
const STORED = { wantsStored: true } as const;
/** Until a repeat has met its gateway. */
const REPEATED_MS = 15_000;

/** Redis comes back as another process, with less than it had or with all of it. */
export const LOSS_SCENARIOS = {
  'redis-older': {
    story:
      'Redis comes back older than what its gateways hold, and a publisher repeats what it never heard of',
    services: { gateways: 2, routers: 0, persistence: 1 },
    ...LOSS,
    weakened: ['moved-is-new', 'unsettled-ids-forgotten'],
    play: async ({ stage, redis, databaseUrl, gateways: [first, second], services, ...where }) => {
      const [persistence] = services.persistence;
      const way = await startTcpProxy({ targetPort: first!.port });
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      const deaf = await stage.publisher('deaf', { gateway: first!, channels: CHANNELS, via: way }, STORED);
      const hears = await stage.publisher('hears', { gateway: second!, channels: CHANNELS }, STORED);
      await publishInTurn(deaf, 5);
      await publishInTurn(hears, 5);
      await storedAre(databaseUrl, 10);
      const restore = await redis!.keepCopy();
      way.halfOpen('toClient');
      for (let i = 0; i < 3; i++) void deaf.publish();
      await storedAre(databaseUrl, 13);
      persistence!.links!.redis!.refuse();
      for (let i = 0; i < 3; i++) void deaf.publish();
      await messagesAreWritten(where, 16);
      await publishInTurn(hears, 3);
      await restore();
      const again = (): void => way.heal();
      await publishesEnd(first!, ['UNAVAILABLE', 'accepted'], { again, timeoutMs: REPEATED_MS });
      persistence!.links!.redis!.heal();
      for (const publisher of [deaf, hears]) publisher.start(100);
      await goOn(stage, 20);
      await storesOn(databaseUrl, 30);
    },
  },
  'power-lost': {
    story:
      'Redis and both gateways end together, Redis comes back older than Postgres, and a publisher repeats',
    services: { gateways: 2, routers: 0, persistence: 1 },
    ...LOSS,
    weakened: ['no-looks-again'],
    play: async ({ stage, redis, databaseUrl, gateways }) => {
      const [first, second] = gateways;
      const place = { gateway: first!, channels: CHANNELS };
      const way = await startTcpProxy({ targetPort: first!.port });
      const away = stage.subscriber('away', { ...place, otherGateways: [second!] });
      await away.start();
      await (await stage.bareSubscriber('s1', place)).start();
      const before = await stage.publisher('before', { ...place, via: way }, STORED);
      await publishInTurn(before, 10);
      await caughtUp(stage);
      away.leave();
      await storedAre(databaseUrl, 10);
      const restore = await redis!.keepCopy();
      way.halfOpen('toClient');
      for (let i = 0; i < 5; i++) void before.publish();
      await storedAre(databaseUrl, 15);
      await Promise.all([redis!.kill(), ...gateways.map((gateway) => gateway.kill())]);
      await restore();
      await Promise.all(gateways.map((gateway) => gateway.start()));
      (await stage.publisher('after', place, STORED)).start(50);
      await goOn(stage, 10);
      way.heal();
      await startsInTime(away);
      await goOn(stage, 10);
    },
  },
  'database-late': {
    story:
      'Redis comes back older, its gateway has ended, and Postgres shows what is missing after somebody has gone on',
    services: { gateways: 2, routers: 0, persistence: 1 },
    ...LOSS,
    // Not to wait for 10 s, and for a look after 30.
    weakened: ['short-settle-patience', 'looks-each-second'],
    play: async ({ stage, redis, databaseUrl, gateways: [lives, dies], services }) => {
      const [persistence] = services.persistence;
      const away = stage.subscriber('away', { gateway: lives!, otherGateways: [lives!], channels: CHANNELS });
      await away.start();
      const before = await stage.publisher('before', { gateway: dies!, channels: CHANNELS }, STORED);
      await publishInTurn(before, 10);
      await caughtUp(stage);
      away.leave();
      await storedAre(databaseUrl, 10);
      const restore = await redis!.keepCopy();
      await publishInTurn(before, 5);
      await storedAre(databaseUrl, 15);
      before.end();
      persistence!.links!.redis!.refuse();
      await Promise.all([redis!.kill(), dies!.kill()]);
      await restore();
      await startsInTime(away);
      persistence!.links!.redis!.heal();
      await storedInLaterEpochs(databaseUrl, 5);
      (await stage.publisher('after', { gateway: lives!, channels: CHANNELS }, STORED)).start(50);
      await goOn(stage, 10);
    },
  },
  'redis-flushed': {
    story: 'Redis is flushed while its connections stay, Postgres is behind, and a consumer is away',
    services: { gateways: 1, routers: 0, persistence: 1 },
    ...LOSS,
    env: {
      ...OWN_REDIS.env,
      CARILLON_NAMESPACES: '{"c":{"ackTimeoutMs":"30s"}}',
      // The next publish is what finds out.
      CARILLON_GATEWAY_HEARTBEAT_MS: '15s',
      CARILLON_GATEWAY_TIMEOUT_MS: '60s',
    },
    play: async ({ stage, redis, databaseUrl, gateways: [gateway], services }) => {
      const [persistence] = services.persistence;
      const place = { gateway: gateway!, channels: CHANNELS };
      await (await stage.bareSubscriber('s1', place)).start();
      const works = stage.subscriber('works', { ...place, acknowledgesAs: 'billing' });
      await works.start();
      const publisher = await stage.publisher('p1', place, STORED);
      await publishInTurn(publisher, 10);
      await consumersAreAt(databaseUrl, 10);
      works.leave();
      await publishInTurn(publisher, 5);
      await storedAre(databaseUrl, 15);
      persistence!.links!.redis!.refuse();
      await publishInTurn(publisher, 5);
      await redisCommand(redis!, 'FLUSHALL');
      const again = (): void => void publisher.publish();
      again();
      await publishesEnd(gateway!, ['UNAVAILABLE', 'accepted'], { again, timeoutMs: REPEATED_MS });
      persistence!.links!.redis!.heal();
      publisher.start(100);
      await goOn(stage, 10);
      await startsInTime(works);
      await goOn(stage, 10);
    },
  },
  'flushed-in-silence': {
    story: 'Redis is flushed while Postgres is behind, and nobody publishes any more',
    services: { gateways: 1, routers: 0, persistence: 1 },
    ...LOSS,
    settleMs: 8000,
    env: { ...OWN_REDIS.env, CARILLON_GATEWAY_HEARTBEAT_MS: '500' },
    play: async ({ stage, redis, databaseUrl, gateways: [gateway], services }) => {
      const [persistence] = services.persistence;
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS }, STORED);
      await publishInTurn(publisher, 5);
      await storedAre(databaseUrl, 5);
      persistence!.links!.redis!.refuse();
      await publishInTurn(publisher, 5);
      await redisCommand(redis!, 'FLUSHALL');
      persistence!.links!.redis!.heal();
      await isReady(persistence!);
    },
  },
  'redis-restarts': {
    story: 'Redis is restarted twice with all its data while a subscriber is away',
    services: { gateways: 2, routers: 0, persistence: 1 },
    ...OWN_REDIS,
    play: async ({ stage, redis, databaseUrl, gateways: [first, second] }) => {
      const place = { gateway: second!, channels: CHANNELS };
      const away = stage.subscriber('away', { ...place, otherGateways: [first!] });
      await away.start();
      await (await stage.bareSubscriber('s1', place)).start();
      const publisher = await stage.publisher('p1', { gateway: first!, channels: CHANNELS });
      await publishInTurn(publisher, 5);
      await caughtUp(stage);
      away.leave();
      await publishInTurn(publisher, 5);
      for (let accepted = 10; accepted < 20; accepted += 5) {
        await storedAre(databaseUrl, accepted);
        await redis!.restart();
        await publishInTurn(publisher, 5);
      }
      await startsInTime(away);
      await publishInTurn(publisher, 1);
    },
  },
  'lost-unheard': {
    story:
      'Redis comes back older, and a gateway ended with it: the other one knows only that something is missing',
    services: { gateways: 2, routers: 1, persistence: 0 },
    ...LOSS,
    env: { ...BY_ROUTER, CARILLON_NAMESPACES: JSON.stringify({ kept: { durable: false } }) },
    weakened: ['position-heartbeat-off'],
    play: async ({ stage, redis, gateways: [lives, dies], services: { routers } }) => {
      const channels = ['kept:a'];
      await (await stage.bareSubscriber('s1', { gateway: lives!, channels })).start();
      const before = await stage.publisher('before', { gateway: dies!, channels });
      await publishInTurn(before, 5);
      await caughtUp(stage);
      const restore = await redis!.keepCopy();
      await routers[0]!.kill();
      await publishInTurn(before, 5);
      before.end();
      const other = await stage.publisher('other', { gateway: lives!, channels: ['kept:b'] });
      await publishInTurn(other, 1);
      await Promise.all([redis!.kill(), dies!.kill()]);
      await restore();
      await Promise.all([routers[0]!.start(), dies!.start()]);
      (await stage.publisher('after', { gateway: lives!, channels })).start(50);
      await goOn(stage, 10);
    },
  },
  'lost-but-for-postgres': {
    story: 'the same, and only Postgres, which has a part of what is missing, knows of it',
    services: { gateways: 2, routers: 1, persistence: 1 },
    ...LOSS,
    env: BY_ROUTER,
    weakened: ['position-heartbeat-off'],
    // Messages lost everywhere are missing from history, and from its second reading.
    expectations: { dataLost: true, storedIsKnown: false, rereadIsKnown: false },
    play: async ({ stage, redis, databaseUrl, gateways: [lives, dies], services }) => {
      const { routers, persistence } = services;
      await (await stage.bareSubscriber('s1', { gateway: lives!, channels: CHANNELS })).start();
      const before = await stage.publisher('before', { gateway: dies!, channels: CHANNELS });
      await publishInTurn(before, 5);
      await caughtUp(stage);
      await storedAre(databaseUrl, 5);
      const restore = await redis!.keepCopy();
      await routers[0]!.kill();
      await publishInTurn(before, 2);
      await storedAre(databaseUrl, 7);
      persistence[0]!.links!.redis!.refuse();
      await publishInTurn(before, 3);
      before.end();
      await Promise.all([redis!.kill(), dies!.kill()]);
      await restore();
      persistence[0]!.links!.redis!.heal();
      await Promise.all([routers[0]!.start(), dies!.start()]);
      (await stage.publisher('after', { gateway: lives!, channels: CHANNELS })).start(50);
      await goOn(stage, 10);
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
