import { caughtUp, publishesEnd } from './moments.ts';
import type { Scenario, Scene } from './scenario.ts';

const DURABLE = ['c:a', 'c:b'];
/** Kept in history and not in the database: what the journal does not have is nowhere. */
const KEPT = ['kept:a', 'kept:b'];
const NOT_STORED = { CARILLON_NAMESPACES: JSON.stringify({ kept: { durable: false } }) };
const KILLS = 2;
const ANSWERED_TIMEOUT_MS = 5000;
/** Several: one alone repeats in the order of before, to the positions of before. */
const PUBLISHERS = ['p1', 'p2', 'p3'];

async function startPublishers({ stage, gateways: [single] }: Scene, channels: readonly string[]) {
  for (const name of PUBLISHERS)
    (await stage.publisher(name, { gateway: single!, channels })).start(10, { burst: 2 });
}

interface Kills {
  /** Publishers don't hear of what was accepted last before each kill. Default false. */
  readonly areUnheard?: boolean;
  /** Accepted before each kill. Default 100. */
  readonly accepted?: number;
}

async function killAgainAndAgain(
  { stage, gateways: [single] }: Scene,
  { areUnheard = false, accepted = 100 }: Kills = {},
): Promise<void> {
  const { clients } = single!.links!;
  for (let round = 0; round < KILLS; round++) {
    await stage.traffic(accepted);
    if (areUnheard) {
      clients.halfOpen('toClient');
      await publishesEnd(single!, ['accepted'], { again: () => undefined, timeoutMs: ANSWERED_TIMEOUT_MS });
    }
    await single!.kill();
    clients.heal();
    await single!.start();
    await caughtUp(stage);
  }
  await stage.traffic(60);
}

/** Everything in one process that is killed under load. */
export const SINGLE_SCENARIOS = {
  'single-dies': {
    story:
      'one process with everything in it is killed under load, and publishers repeat what they never heard of',
    services: 'single',
    // At each kill there is something that the database does not have yet.
    env: { CARILLON_PERSISTENCE_RELAXED_LINGER_MS: '1s' },
    play: async (scene) => {
      const place = { gateway: scene.gateways[0]!, channels: DURABLE };
      await (await scene.stage.bareSubscriber('s1', place)).start();
      await startPublishers(scene, DURABLE);
      await killAgainAndAgain(scene, { areUnheard: true });
    },
  },
  'single-unheard': {
    story:
      'one process with everything in it is killed under load, with a slow disk, on channels without subscribers that are not stored',
    services: 'single',
    env: NOT_STORED,
    weakened: ['slow-journal'],
    expectations: { isDurable: () => false, storedIsKnown: false },
    play: async (scene) => {
      await startPublishers(scene, KEPT);
      // More than come until the first write: a channel that the journal never had would begin another epoch.
      await killAgainAndAgain(scene, { accepted: 600 });
    },
  },
  'single-heard': {
    story:
      'one process with everything in it is killed under load, with a slow disk, on channels with a subscriber that are not stored',
    services: 'single',
    env: NOT_STORED,
    weakened: ['slow-journal'],
    expectations: { isDurable: () => false, storedIsKnown: false },
    play: async (scene) => {
      const place = { gateway: scene.gateways[0]!, channels: KEPT };
      await (await scene.stage.bareSubscriber('s1', place)).start();
      await startPublishers(scene, KEPT);
      await killAgainAndAgain(scene);
    },
  },
  'single-stored': {
    story:
      'one process with everything in it is killed under load, with a slow disk, on channels without subscribers that are stored at once',
    services: 'single',
    env: { CARILLON_PERSISTENCE_RELAXED_LINGER_MS: '0' },
    weakened: ['slow-journal'],
    play: async (scene) => {
      await startPublishers(scene, DURABLE);
      await killAgainAndAgain(scene);
    },
  },
} as const satisfies Readonly<Record<string, Scenario>>;
