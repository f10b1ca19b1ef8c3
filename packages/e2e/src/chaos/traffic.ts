import { startTcpProxy, type TcpProxy } from '@carillon/testing';
import type { RecordedBareSubscriber } from '../check/recorded-bare-subscriber.ts';
import type { RecordedPublisher } from '../check/recorded-publisher.ts';
import type { RecordedSubscriber } from '../check/recorded-subscriber.ts';
import type { Stage } from '../check/stage.ts';
import type { Service } from '../services.ts';

const CHANNELS = ['wide:a', 'wide:b', 'wide:c', 'wide:d'];
/** One gateway wants these: direct lane. */
const NARROW = [['narrow:a'], ['narrow:b']] as const;
/** A consumer acknowledges these. */
const ACKNOWLEDGED = 'orders:eu';
const PUBLISH_EVERY_MS = 50;
const MAX_WAITING = 400;
const ROAM_EVERY_MS = 3000;
const COME_AND_GO_EVERY_MS = 5000;
const MOVE_EVERY_MS = 2300;

/**
 * Steady traffic: five publishers, and one that goes from gateway to gateway; subscribers with the SDK and without it on both gateways; one
 * that goes from gateway to gateway with its positions; one that subscribes and ends; a consumer that acknowledges; a second app with
 * channels of the same names.
 */
export class Traffic {
  readonly #stage: Stage;
  readonly #gateways: readonly Service[];
  readonly #timers: NodeJS.Timeout[] = [];
  #changes: Promise<unknown> = Promise.resolve();
  #consumer: RecordedSubscriber | undefined;
  #way: TcpProxy | undefined;

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
          channels: [...CHANNELS, ...NARROW.flat(), ACKNOWLEDGED],
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
    const consumer = this.#stage.subscriber('consumer', {
      ...{ gateway: first, otherGateways: [second], channels: [ACKNOWLEDGED], acknowledgesAs: 'billing' },
    });
    this.#consumer = consumer;
    publishers.push(await this.#movingPublisher());
    await Promise.all([...subscribers, roamer, guest, consumer].map((subscriber) => subscriber.start()));
    for (const publisher of publishers) publisher.start(PUBLISH_EVERY_MS, { maxWaiting: MAX_WAITING });
    this.#every(ROAM_EVERY_MS, () => roamer.leave(), roamer);
    this.#every(COME_AND_GO_EVERY_MS, () => guest.end(), guest);
  }

  /** Resolves with what brings it back, to the other gateway: to where it acknowledged. */
  sendConsumerAway(): () => Promise<void> {
    const consumer = this.#consumer!;
    consumer.leave();
    return () => consumer.start();
  }

  /** Publishers and subscribers stay as they are from now on. */
  async settle(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#changes;
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#way?.stop();
  }

  /** It loses its connection again and again, and its next one leads to the other gateway. */
  async #movingPublisher(): Promise<RecordedPublisher> {
    const ports = this.#gateways.map(({ port, links }) => links?.clients.port ?? port);
    const way = await startTcpProxy({ targetPort: ports[0]! });
    this.#way = way;
    let moves = 0;
    this.#timers.push(setInterval(() => way.retarget(ports[++moves % ports.length]!), MOVE_EVERY_MS));
    return await this.#stage.publisher('moving-publisher', {
      ...{ gateway: this.#gateways[0]!, channels: CHANNELS.slice(0, 2), via: way },
    });
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
