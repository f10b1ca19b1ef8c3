import { refuseInserts } from '@carillon/testing';
import { messagesAreRefused, storingFails } from './moments.ts';
import type { Scenario } from './scenario.ts';

const CHANNELS = ['c:a', 'c:b', 'c:c'];

/** Trouble between the log and Postgres. */
export const STORAGE_SCENARIOS = {
  'persistence-dies': {
    story: 'Postgres refuses inserts, and one of two persistence workers is killed with messages in hand',
    services: { gateways: 1, routers: 0, persistence: 2 },
    // Long after the other one has gone on to store, and to trim the log, what the dead one had in hand is taken over.
    env: { CARILLON_PERSISTENCE_CLAIM_IDLE_MS: '8s' },
    settleMs: 15_000,
    play: async ({ stage, databaseUrl, gateways: [gateway], services: { persistence } }) => {
      (await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS })).start(5);
      await stage.traffic(60);
      const heal = await refuseInserts(databaseUrl, 'messages');
      await Promise.all(persistence.map(storingFails));
      await persistence[0]!.kill();
      await heal();
      await persistence[0]!.start();
      await stage.traffic(100);
    },
  },
  'postgres-full': {
    story: 'Postgres refuses every insert for a while, as on a full disk',
    services: { gateways: 1, routers: 0, persistence: 1 },
    settleMs: 10_000,
    play: async ({ stage, databaseUrl, gateways: [gateway], services: { persistence } }) => {
      (await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS })).start(5);
      await stage.traffic(60);
      const heal = await refuseInserts(databaseUrl, 'messages');
      await storingFails(persistence[0]!);
      await stage.traffic(100);
      await heal();
      await stage.traffic(60);
    },
  },
  'trigger-fails': {
    story: 'a trigger of the operator refuses every message for a while, with an error of the data',
    services: { gateways: 1, routers: 0, persistence: 1 },
    settleMs: 15_000,
    play: async ({ stage, databaseUrl, gateways: [gateway], services: { persistence } }) => {
      (await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS })).start(5);
      await stage.traffic(60);
      const heal = await refuseInserts(databaseUrl, 'messages', '22012');
      await messagesAreRefused(persistence[0]!);
      await stage.traffic(100);
      await heal();
      await stage.traffic(60);
    },
  },
  'one-epoch': {
    story: 'channels that were born together, with one epoch',
    services: { gateways: 1, routers: 0, persistence: 1 },
    env: { CARILLON_PARTITIONS: '1' },
    play: async ({ stage, gateways: [gateway] }) => {
      await (await stage.bareSubscriber('s1', { gateway: gateway!, channels: CHANNELS })).start();
      (await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS })).start(5, { burst: 6 });
      await stage.traffic(150);
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
