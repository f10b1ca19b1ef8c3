import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '@carillon/testing';
import { allIsRouted, emptyFeeds, gatewaysOf, repeatFeeds } from './feeds.ts';
import { caughtUp, subscriptionsAre } from './moments.ts';
import type { Scenario } from './scenario.ts';

const CHANNELS = ['c:a', 'c:b'];
/** Every message goes through the router and the gateways' feeds: in the direct lane they are pushed. */
const BY_FEEDS = {
  env: {
    CARILLON_DIRECT_LANE_MAX_GATEWAYS: '0',
    // One that stands still is not taken for dead: it would be healed as a whole.
    CARILLON_GATEWAY_TIMEOUT_MS: '60s',
  },
} as const;
/** A gateway gives those who come back one after the other what it has read for the first of them: up to 64 messages. */
const MORE_THAN_KEPT = 100;

/** Trouble between the log and subscribers. */
export const DELIVERY_SCENARIOS = {
  'feed-repeats': {
    story: "the newest entries of a gateway's feed come again",
    services: { gateways: 1, routers: 1, persistence: 0 },
    ...BY_FEEDS,
    play: async ({ stage, gateways: [gateway], ...where }) => {
      await (await stage.bareSubscriber('s1', { gateway: gateway!, channels: CHANNELS })).start();
      (await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS })).start(10);
      await stage.traffic(60);
      await eventually(async () => (await repeatFeeds(where, 20)) > 0, { what: 'entries repeated' });
      await stage.traffic(60);
    },
  },
  'feed-cut': {
    story: 'a gateway stands still, and what waits in its feed is thrown away',
    services: { gateways: 2, routers: 1, persistence: 0 },
    ...BY_FEEDS,
    weakened: ['position-heartbeat-off'],
    play: async ({ stage, gateways: [first, second], ...where }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(10);
      await stage.traffic(40);
      second!.pause();
      // First what it has read already, then what the read that it waits in still gets, then what only the feed has.
      for (let cut = 0; cut < 3; cut++) {
        await stage.traffic(20);
        await eventually(async () => (await emptyFeeds(where)) > 0, { what: 'messages thrown away' });
      }
      second!.resume();
      await stage.traffic(60);
    },
  },
  'last-message-cut': {
    story: 'the last messages in a feed are thrown away, and nothing follows them',
    services: { gateways: 2, routers: 1, persistence: 0 },
    ...BY_FEEDS,
    settleMs: 9000,
    play: async ({ stage, gateways: [first, second], ...where }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      const publisher = await stage.publisher('p1', { gateway: first!, channels: CHANNELS });
      for (let i = 0; i < 6; i++) await publisher.publish();
      second!.pause();
      // The first of each channel reach the read that it waits in; what follows them only the feed.
      for (const count of [CHANNELS.length, 6]) {
        for (let i = 0; i < count; i++) await publisher.publish();
        await eventually(() => allIsRouted(where), { what: 'all in the feeds' });
      }
      await eventually(async () => (await emptyFeeds(where)) > 0, { what: 'messages thrown away' });
      second!.resume();
    },
  },
  'pushes-cut': {
    story: 'a gateway loses Redis while the last messages are pushed, and nothing follows them',
    services: { gateways: 2, routers: 0, persistence: 0 },
    weakened: ['position-heartbeat-off'],
    play: async ({ stage, gateways: [first, second] }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      const publisher = await stage.publisher('p1', { gateway: first!, channels: CHANNELS });
      for (let i = 0; i < 6; i++) await publisher.publish();
      second!.links!.redis!.refuse();
      for (let i = 0; i < 6; i++) await publisher.publish();
      second!.links!.redis!.heal();
    },
  },
  'come-back': {
    story:
      'subscribers lose their connections under load, again and again, and come back with their positions',
    services: { gateways: 2, routers: 0, persistence: 0 },
    play: async ({ stage, gateways: [first, second] }) => {
      await (await stage.bareSubscriber('bare', { gateway: second!, channels: CHANNELS })).start();
      await stage.subscriber('sdk', { gateway: second!, channels: CHANNELS }).start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(3);
      // The missed messages exceed a gateway's cache and take time to read.
      second!.links!.redis!.delay({ delayMs: 20 }, 'toClient');
      for (let round = 0; round < 6; round++) {
        await stage.traffic(60);
        second!.links!.clients.refuse();
        await stage.traffic(200);
        second!.links!.clients.heal();
        await caughtUp(stage);
      }
      await stage.traffic(250);
    },
  },
  roams: {
    story: 'a subscriber goes from one gateway to another that hears later of what happens',
    services: { gateways: 2, routers: 0, persistence: 0 },
    play: async ({ stage, gateways: [first, second] }) => {
      await (await stage.bareSubscriber('stays', { gateway: second!, channels: CHANNELS })).start();
      const roamer = stage.subscriber('roams', {
        gateway: first!,
        otherGateways: [second!],
        channels: CHANNELS,
      });
      await roamer.start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(5);
      // Later than the subscriber takes to come, on a fast machine and on a slow one.
      for (const delayMs of [150, 500, 1500, 2000]) {
        second!.links!.redis!.delay({ delayMs }, 'toClient');
        for (const _leg of ['there', 'back']) {
          await stage.traffic(40);
          roamer.leave();
          await roamer.start();
        }
      }
      second!.links!.redis!.heal();
      await stage.traffic(40);
    },
  },
  'comes-back-too-early': {
    story: 'a subscriber comes back to a gateway that has lost Redis for the moment',
    services: { gateways: 2, routers: 0, persistence: 0 },
    play: async ({ stage, gateways: [first, second] }) => {
      const { redis, clients } = second!.links!;
      const comes = await stage.bareSubscriber('comes', { gateway: second!, channels: CHANNELS });
      await comes.start();
      // By another way to the same gateway: what it has, the gateway has.
      const near = { ...second!, links: undefined };
      const stays = await stage.bareSubscriber('stays', { gateway: near, channels: CHANNELS });
      await stays.start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(5);
      for (let round = 0; round < 2; round++) {
        await stage.traffic(40);
        await caughtUp(stage);
        clients.refuse();
        await subscriptionsAre(second!, CHANNELS.length);
        const hasMore = (channel: string): boolean =>
          stays.position(channel)!.seq - comes.position(channel)!.seq > MORE_THAN_KEPT;
        await eventually(() => CHANNELS.every(hasMore), { what: 'the gateway has what one has missed' });
        redis!.refuse();
        clients.heal();
        await subscriptionsAre(second!, 2 * CHANNELS.length);
        redis!.heal();
      }
      await stage.traffic(40);
    },
  },
  'publisher-comes-back': {
    story: 'a publisher loses its connection under load, again and again',
    services: { gateways: 2, routers: 0, persistence: 0 },
    play: async ({ stage, gateways: [first, second] }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(5, { burst: 4 });
      // Answers are late, so that each cut finds some on their way, on a fast machine as well.
      first!.links!.clients.delay({ delayMs: 30 }, 'toClient');
      for (let round = 0; round < 6; round++) {
        await stage.traffic(80);
        first!.links!.clients.cut();
      }
      await stage.traffic(80);
    },
  },
  'one-leaves': {
    story: 'two clients of one gateway share a channel, and one leaves',
    services: { gateways: 1, routers: 0, persistence: 0 },
    weakened: ['short-linger'],
    play: async ({ stage, gateways: [gateway] }) => {
      const leaving = stage.subscriber('leaving', { gateway: gateway!, channels: CHANNELS });
      await leaving.start();
      await (await stage.bareSubscriber('staying', { gateway: gateway!, channels: CHANNELS })).start();
      const publisher = await stage.publisher('p1', { gateway: gateway!, channels: CHANNELS });
      publisher.start(10);
      await stage.traffic(40);
      leaving.end();
      await subscriptionsAre(gateway!, CHANNELS.length);
      await pause(2500); // the gateway looks for idle channels every second
      await stage.traffic(40);
    },
  },
  'gateway-stands-still': {
    story: 'a gateway that is far from Redis stands still again and again while its feed fills',
    services: { gateways: 2, routers: 1, persistence: 0 },
    env: { ...BY_FEEDS.env, CARILLON_GATEWAY_HEARTBEAT_MS: '200' },
    weakened: ['gap-repair-off'],
    play: async ({ stage, gateways: [first, second] }) => {
      await (await stage.bareSubscriber('s1', { gateway: second!, channels: CHANNELS })).start();
      (await stage.publisher('p1', { gateway: first!, channels: CHANNELS })).start(5);
      // Longer than from heartbeat to heartbeat: at each there is something in the feed that it has not read.
      second!.links!.redis!.delay({ delayMs: 300 }, 'toClient');
      for (let round = 0; round < 5; round++) {
        await stage.traffic(40);
        second!.pause();
        await stage.traffic(80);
        second!.resume();
      }
      await stage.traffic(40);
    },
  },
  'routers-die': {
    story: 'routers are killed in turn while they carry all channels',
    services: { gateways: 2, routers: 2, persistence: 0 },
    env: { CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1', CARILLON_LEASE_TTL_MS: '600' },
    weakened: ['gap-repair-off', 'position-heartbeat-off'],
    play: async ({ stage, gateways, services: { routers } }) => {
      const channels = ['c:a', 'c:b', 'c:c', 'c:d', 'c:e', 'c:f'];
      for (const [i, gateway] of gateways.entries())
        await (await stage.bareSubscriber(`s${i}`, { gateway, channels })).start();
      (await stage.publisher('p1', { gateway: gateways[0]!, channels })).start(4, { burst: 2 });
      for (let round = 0; round < 3; round++) {
        const router = routers[round % routers.length]!;
        await stage.traffic(250);
        await caughtUp(stage); // all partitions are carried
        await router.kill();
        await stage.traffic(250);
        await router.start();
      }
      await stage.traffic(100);
    },
  },
  lanes: {
    story: 'a third gateway wants the channels and leaves them again, under load: direct, routed, direct',
    services: { gateways: 3, routers: 1, persistence: 0 },
    env: {
      CARILLON_DIRECT_LANE_MAX_GATEWAYS: '2',
      CARILLON_LEASE_TTL_MS: '600',
      // Too short to be pushed: a push may overtake what was routed, and then gap repair is what keeps the order.
      CARILLON_NAMESPACES: JSON.stringify({ c: { history: { maxMessages: 999 } } }),
    },
    weakened: ['gap-repair-off', 'position-heartbeat-off', 'short-linger'],
    settleMs: 4000,
    play: async ({ stage, gateways: [first, second, third], services: { routers }, ...where }) => {
      const place = { gateway: second!, channels: CHANNELS };
      await (await stage.bareSubscriber('s1', { ...place, gateway: first! })).start();
      await (await stage.bareSubscriber('s2', place)).start();
      (await stage.publisher('p1', { ...place, gateway: first! })).start(3, { burst: 2 });
      (await stage.publisher('p2', place)).start(3, { burst: 2 });
      const isGone = async (): Promise<boolean> =>
        (await Promise.all(CHANNELS.map((channel) => gatewaysOf(where, `default/${channel}`)))).every(
          (count) => count <= 2,
        );
      for (let round = 0; round < 4; round++) {
        // Far from Redis the router always has something under way; near to it there is a moment for going back.
        if (round < 2) routers[0]!.links!.redis!.delay({ delayMs: 20 }, 'toClient');
        else routers[0]!.links!.redis!.heal();
        const guest = stage.subscriber(`guest-${round}`, { ...place, gateway: third! });
        await guest.start();
        await stage.traffic(150);
        if (round === 3) break;
        guest.end();
        await eventually(isGone, { what: 'the third gateway has given the channels back' });
        await stage.traffic(400);
      }
    },
  },
  'third-comes': {
    story: 'a third gateway wants channels that the router carries already',
    services: { gateways: 3, routers: 1, persistence: 0 },
    // A router that loses its lease forgets what it knows by heart: for that it would have to stand still for long.
    env: { CARILLON_DIRECT_LANE_MAX_GATEWAYS: '1', CARILLON_LEASE_TTL_MS: '30s' },
    weakened: ['gap-repair-off', 'position-heartbeat-off'],
    play: async ({ stage, gateways }) => {
      const place = { gateway: gateways[0]!, channels: CHANNELS };
      (await stage.publisher('p1', place)).start(5, { burst: 2 });
      for (const [i, gateway] of gateways.entries()) {
        await caughtUp(stage); // what the router has carried, it knows by heart
        await (await stage.bareSubscriber(`s${i}`, { ...place, gateway })).start();
        await stage.traffic(200);
      }
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
