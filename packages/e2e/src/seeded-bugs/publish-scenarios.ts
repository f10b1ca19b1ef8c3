import { eventually } from '@carillon/testing';
import type { RecordedPublisher } from '../check/recorded-publisher.ts';
import type { Service } from '../services.ts';
import { channelExists } from './feeds.ts';
import { oneMoreIsWritten, publishesEnd, threeTimes } from './moments.ts';
import type { Scenario } from './scenario.ts';

const CHANNELS = ['c:a', 'c:b'];

/** So late hears a publisher at first what became of its messages; twice as late where that was too soon, on a slow machine. */
const FIRST_FAR_MS = 1500;
/** Not so late that its outbox is full by then. */
const FARTHEST_MS = 9000;

/**
 * A message is refused because Redis is away, and others come when Redis is there again, before their publisher has heard of it.
 * `false`: it may have heard of it.
 */
async function refuseOneAmongMany(
  gateway: Service,
  publisher: RecordedPublisher,
  farMs: number,
): Promise<boolean> {
  const { redis, clients } = gateway.links!;
  const asking = { again: (): void => void publisher.publish(), timeoutMs: farMs };
  // Known to Redis by now: more than one may be under way.
  await publisher.publish();
  clients.delay({ delayMs: farMs }, 'toClient');
  const sinceMs = performance.now();
  redis!.refuse();
  const isRefused = await publishesEnd(gateway, ['UNAVAILABLE'], asking);
  redis!.heal();
  const moreCame = await publishesEnd(gateway, ['accepted', 'PRODUCER_OUT_OF_ORDER'], asking);
  const wasInTime = performance.now() - sinceMs < farMs;
  clients.heal();
  return isRefused && moreCame && wasInTime;
}

/** Trouble between publishers and the log. */
export const PUBLISH_SCENARIOS = {
  'answers-lost': {
    story: 'a gateway sends publishes to Redis and never hears the answers; publishers repeat',
    services: { gateways: 2, routers: 0, persistence: 1 },
    play: async ({ stage, gateways: [first, second], ...where }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      const publisher = await stage.publisher('p1', { gateway: first!, channels: CHANNELS });
      publisher.start(10, { burst: 3 });
      await threeTimes(async () => {
        await stage.traffic(60);
        first!.links!.redis!.halfOpen('toClient');
        const isUnanswered = await oneMoreIsWritten(where);
        first!.links!.redis!.heal();
        return isUnanswered;
      });
      await stage.traffic(60);
    },
  },
  'refused-while-more-comes': {
    story: 'a gateway loses Redis for a moment while its client, far away, goes on sending',
    services: { gateways: 1, routers: 0, persistence: 0 },
    weakened: ['refused-not-noted'],
    settleMs: 4000,
    play: async ({ stage, gateways: [gateway] }) => {
      await stage.subscriber('s1', { gateway: gateway!, channels: ['c:a'] }).start();
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: ['c:a'] });
      let farMs = FIRST_FAR_MS;
      await threeTimes(async () => {
        const isRefused = await refuseOneAmongMany(gateway!, publisher, farMs);
        if (!isRefused) farMs = Math.min(FARTHEST_MS, 2 * farMs);
        return isRefused;
      });
      await publisher.publish();
    },
  },
  bursts: {
    story: 'a gateway stands still, and reads many publishes on a channel without history in one turn',
    services: { gateways: 1, routers: 0, persistence: 1 },
    env: { CARILLON_NAMESPACES: JSON.stringify({ plain: { history: 'none' } }) },
    play: async ({ stage, gateways: [gateway] }) => {
      await (await stage.bareSubscriber('s1', { gateway: gateway!, channels: ['plain:a'] })).start();
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: ['plain:a'] });
      publisher.start(20, { burst: 20 });
      for (let round = 0; round < 4; round++) {
        await stage.traffic(60);
        gateway!.pause();
        // Publishes of the first ticks are on the gateway's socket when the last tick begins.
        const goal = publisher.waiting + 80;
        await eventually(() => publisher.waiting >= goal, { what: 'many wait for the gateway' });
        gateway!.resume();
      }
      await stage.traffic(100);
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
