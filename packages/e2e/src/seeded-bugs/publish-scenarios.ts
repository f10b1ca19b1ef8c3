import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@carillon/testing';
import { channelExists } from './feeds.ts';
import type { Scenario } from './scenario.ts';

const CHANNELS = ['c:a', 'c:b'];

/** Trouble between publishers and the log. */
export const PUBLISH_SCENARIOS = {
  'answers-lost': {
    story: 'a gateway sends publishes to Redis and never hears the answers; publishers repeat',
    services: { gateways: 2, routers: 0, persistence: 1 },
    play: async ({ stage, gateways: [first, second] }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      const publisher = await stage.publisher('p1', { gateway: first!, channels: CHANNELS });
      publisher.start(10, { burst: 3 });
      for (let round = 0; round < 3; round++) {
        await stage.traffic(60);
        first!.links!.redis.halfOpen('toClient');
        await pause(250);
        first!.links!.redis.heal();
      }
      await stage.traffic(60);
    },
  },
  'refused-while-more-comes': {
    story: 'a gateway loses Redis for a moment while its client, far away, goes on sending',
    services: { gateways: 1, routers: 0, persistence: 0 },
    settleMs: 4000,
    play: async ({ stage, gateways: [gateway] }) => {
      await stage.subscriber('s1', { gateway: gateway!, channels: ['c:a'] }).start();
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: ['c:a'] });
      gateway!.links!.clients.delay({ delayMs: 200 }, 'toClient');
      publisher.start(4, { burst: 2, maxWaiting: 120 });
      for (let round = 0; round < 3; round++) {
        await stage.traffic(60);
        gateway!.links!.redis.cut();
      }
      await stage.traffic(60);
    },
  },
  bursts: {
    story: 'many publishes of one turn on a channel without history',
    services: { gateways: 1, routers: 0, persistence: 1 },
    env: { CARILLON_NAMESPACES: JSON.stringify({ plain: { history: 'none' } }) },
    play: async ({ stage, gateways: [gateway] }) => {
      await (await stage.bareSubscriber('s1', { gateway: gateway!, channels: ['plain:a'] })).start();
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: ['plain:a'] });
      publisher.start(20, { burst: 20 });
      await stage.traffic(300);
    },
  },
  'channel-expires': {
    story: 'a channel is silent until its state is gone, and is published on again',
    services: { gateways: 1, routers: 0, persistence: 1 },
    env: {
      CARILLON_CHANNEL_IDLE_TTL_MS: '1s',
      CARILLON_NAMESPACES: JSON.stringify({
        brief: { history: { maxMessages: 100, ttlMs: '1s' }, recoveryWindowMs: '1s' },
      }),
    },
    play: async ({ stage, gateways: [gateway], ...where }) => {
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: ['brief:a'] });
      for (let i = 0; i < 5; i++) await publisher.publish();
      await eventually(async () => !(await channelExists(where, 'default/brief:a')), {
        what: 'the state of the channel is gone',
      });
      for (let i = 0; i < 5; i++) await publisher.publish();
    },
  },
  'two-apps': {
    story: 'two apps use channels of the same name',
    services: { gateways: 1, routers: 0, persistence: 1 },
    play: async ({ stage, gateways: [gateway] }) => {
      for (const app of ['one', 'two']) {
        const place = { gateway: gateway!, channels: ['c:a'], app };
        await (await stage.bareSubscriber(`s-${app}`, place)).start();
        (await stage.publisher(`p-${app}`, place)).start(10);
      }
      await stage.traffic(60);
    },
  },
  'without-permission': {
    story: 'a publisher may publish on one of its channels only',
    services: { gateways: 1, routers: 0, persistence: 1 },
    play: async ({ stage, gateways: [gateway] }) => {
      const channels = ['open:a', 'closed:a'];
      await (await stage.bareSubscriber('s1', { gateway: gateway!, channels })).start();
      const capabilities = { 'open:*': ['publish'], '*': ['history'] } as const;
      (await stage.publisher('p1', { gateway: gateway!, channels, capabilities })).start(10);
      await stage.traffic(30);
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
