/**
 * Case i: a failover that takes longer than anybody is patient, to a replica that lags, while every gateway lives. Each gateway has accepted
 * what the other one knows nothing of, in a partition of its own: whichever comes first to the new primary can't know what is missing there.
 */
import { eventually } from '@carillon/testing';
import { channelIn } from './channel-in.ts';
import type { Scenes } from './scene.ts';

export interface FailingOver {
  readonly url: string;
  readonly partitions: number;
  /** The partitions that lie on the primary that fails. */
  readonly failing: readonly [number, number];
  /** The replica hears nothing any more. */
  lag(): Promise<void>;
  /** SIGKILL of the primary. */
  fail(): Promise<void>;
  /** It was silent for long enough: the replica is about to take its place. */
  isDown(): Promise<boolean>;
  hasFailedOver(): Promise<boolean>;
}

/** A failover of seconds is slow for gateways with these heartbeats, as one of half a minute is by default. */
export const QUICK_HEARTBEATS = {
  CARILLON_GATEWAY_HEARTBEAT_MS: '500',
  CARILLON_GATEWAY_TIMEOUT_MS: '1500ms',
};

const FAILOVER_TIMEOUT_MS = 90_000;
const LATE_MS = 4000;

export async function failSlowly(
  scenes: Scenes,
  redis: FailingOver,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const scene = await scenes.open(redis, {
    env: { ...env, CARILLON_PARTITIONS: String(redis.partitions) },
  });
  const { stage, gateways, services } = scene;
  const channels = redis.failing.map((partition) => channelIn(partition, redis.partitions, 'failing'));
  const own = await Promise.all(
    gateways.map(async (gateway, i) => {
      const place = { gateway, channels: [channels[i]!] };
      await stage.subscriber(`sdk-${i}`, place).start();
      await (await stage.bareSubscriber(`bare-${i}`, place)).start();
      return await stage.publisher(`own-${i}`, place, { wantsStored: true });
    }),
  );
  const each = async (count: number): Promise<void> => {
    await Promise.all(own.flatMap((publisher) => Array.from({ length: count }, () => publisher.publish())));
  };
  await each(20);
  await scene.stored(40);
  await redis.lag();
  // Right before the end: no heartbeat has told the other gateway how much there is. The last ones are not stored either.
  await each(5);
  services.persistence[0]!.pause();
  await each(5);
  await redis.fail();
  services.persistence[0]!.resume();
  // From now on both gateways are asked for both channels, all the time.
  for (const [i, gateway] of gateways.entries())
    for (const name of ['x', 'y'])
      (await stage.publisher(`${name}-${i}`, { gateway, channels }, { wantsStored: true })).start(50, {
        maxWaiting: 30,
      });
  const failedOver = { what: 'the failover', timeoutMs: FAILOVER_TIMEOUT_MS };
  await eventually(async () => (await redis.isDown()) || (await redis.hasFailedOver()), failedOver);
  // It lives, and is late: until the other one has accepted something.
  const [, late] = gateways;
  late.pause();
  await eventually(redis.hasFailedOver, failedOver);
  await stage.traffic(10, LATE_MS).catch(() => undefined);
  late.resume();
  await stage.traffic(100, 20_000).catch(() => undefined); // publishers that are stuck are found by the checker
  await scene.expectSound();
}
