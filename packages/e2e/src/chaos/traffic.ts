import type { RecordedBareSubscriber } from '../check/recorded-bare-subscriber.ts';
import type { RecordedPublisher } from '../check/recorded-publisher.ts';
import type { RecordedSubscriber } from '../check/recorded-subscriber.ts';
import type { Stage } from '../check/stage.ts';
import type { Service } from '../services.ts';

const CHANNELS = ['wide:a', 'wide:b', 'wide:c', 'wide:d'];
/** One gateway wants these: direct lane. */
const NARROW = [['narrow:a'], ['narrow:b']] as const;
const PUBLISH_EVERY_MS = 50;
const MAX_WAITING = 400;
const ROAM_EVERY_MS = 3000;
const COME_AND_GO_EVERY_MS = 5000;

/**
 * Steady traffic: four publishers; subscribers with the SDK and without it on both gateways; one that goes from gateway to gateway with
 * its positions; one that subscribes and ends; a second app with channels of the same names.
 */
export class Traffic {
  readonly #stage: Stage;
  readonly #gateways: readonly Service[];
  readonly #timers: NodeJS.Timeout[] = [];
  #changes: Promise<unknown> = Promise.resolve();

  constructor(stage: Stage, gateways: readonly Service[]) {
    this.#stage = stage;
    this.#gateways = gateways;
  }

  async start(): Promise<void> {
    const [first, second] = this.#gateways as [Service, Service];
    const subscribers: (RecordedSubscriber | RecordedBareSubscriber)[] = [];
    const publishers: RecordedPublisher[] = [];
    for (const [i, gateway] of [first, second].entries()) {
      const place = { gateway, channels: [...CHANNELS, ...NARROW[i]!] };
      subscribers.push(this.#stage.subscriber(`sdk-${i}`, place));
      subscribers.push(await this.#stage.bareSubscriber(`bare-${i}`, place));
      publishers.push(
        await this.#stage.publisher(`publisher-${i}`, {
          ...place,
          channels: [...CHANNELS, ...NARROW.flat()],
        }),
      );
      publishers.push(await this.#stage.publisher(`other-publisher-${i}`, { gateway, channels: CHANNELS }));
    }
    const other = { gateway: first, channels: CHANNELS.slice(0, 1), app: 'other' };
    subscribers.push(this.#stage.subscriber('other-app', other));
    publishers.push(await this.#stage.publisher('other-app-publisher', { ...other, gateway: second }));
    const roamer = this.#stage.subscriber('roamer', {
      gateway: first,
      otherGateways: [second],
      channels: CHANNELS,
    });
    const guest = this.#stage.subscriber('guest', { gateway: second, channels: CHANNELS.slice(0, 2) });
    await Promise.all([...subscribers, roamer, guest].map((subscriber) => subscriber.start()));
    for (const publisher of publishers) publisher.start(PUBLISH_EVERY_MS, { maxWaiting: MAX_WAITING });
    this.#every(ROAM_EVERY_MS, () => roamer.leave(), roamer);
    this.#every(COME_AND_GO_EVERY_MS, () => guest.end(), guest);
  }

  /** Nobody comes or goes any more. */
  async settle(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#changes;
  }

  #every(everyMs: number, go: () => void, subscriber: RecordedSubscriber): void {
    let busy = false;
    const change = async (): Promise<void> => {
      go();
      // While its gateway is away it waits, and nothing else is asked of it.
      await subscriber.start();
      busy = false;
    };
    this.#timers.push(
      setInterval(() => {
        if (busy) return;
        busy = true;
        this.#changes = Promise.all([this.#changes, change()]);
      }, everyMs),
    );
  }
}
