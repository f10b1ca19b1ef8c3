import type { RealtimeClient } from '@carillon/client';
import { eventually, type TcpProxy } from '@carillon/testing';
import { connectClient, type Rights, tokenFor } from '../people.ts';
import type { Service } from '../services.ts';
import { check, type Verdict } from './check.ts';
import { HistoryFolder, type Recorder, readHistories } from './history-file.ts';
import { countStored, isStoredUpTo, type Rows, recordReread, recordStored, rowsOf } from './read-back.ts';
import { type ConsumerRole, RecordedBareSubscriber } from './recorded-bare-subscriber.ts';
import { Frontier, RecordedPublisher } from './recorded-publisher.ts';
import { RecordedSubscriber } from './recorded-subscriber.ts';
import type { Expectations } from './verdict.ts';

const DEFAULT_APP = 'default';

/** Gateway and rights of a publisher or subscriber. */
export interface Place extends Rights {
  readonly gateway: Service;
  /** A subscriber with the SDK takes the next one at each start, with its positions. Default: always `gateway`. */
  readonly otherGateways?: readonly Service[];
  readonly channels: readonly string[];
  /** A subscriber without the SDK that is a consumer, on a connection of this user. */
  readonly consumer?: ConsumerRole & { readonly user: string };
  /** A subscriber with the SDK: it acknowledges under this name. */
  readonly acknowledgesAs?: string;
  /** A proxy on the way to the gateway. Default: the one that the gateway has, if any. */
  readonly via?: TcpProxy;
}

/** Subscribers with the SDK or without it: their common members. */
type AnySubscriber = RecordedSubscriber | RecordedBareSubscriber;

function clientPort({ links, port }: Service, via?: TcpProxy): number {
  return via?.port ?? links?.clients.port ?? port;
}

export interface StageOptions {
  /** Clients take a server that says nothing for this long for dead. Default 2000 with the SDK, 3000 without it. */
  readonly silentMs?: number;
}

/** Publishers and subscribers whose histories are written into one folder, and judged at the end. */
export class Stage {
  readonly frontier = new Frontier();
  readonly subscribers: AnySubscriber[] = [];
  readonly publishers: RecordedPublisher[] = [];
  readonly #rows: Rows;
  readonly #silentMs: number | undefined;
  readonly #histories: HistoryFolder;
  readonly #faults: Recorder;
  readonly #clients: RealtimeClient[] = [];
  readonly #places = new Map<string, { readonly app: string; readonly channel: string }>();

  /** @param database where messages are stored, by its address or by a way to ask it */
  constructor(database: string | Rows, folder: string, { silentMs }: StageOptions = {}) {
    this.#rows = typeof database === 'string' ? rowsOf(database) : database;
    this.#silentMs = silentMs;
    this.#histories = new HistoryFolder(folder);
    this.#faults = this.#histories.recorder('faults');
  }

  /** A subscriber with the SDK, not yet started. */
  subscriber(
    name: string,
    { gateway, otherGateways = [], channels, acknowledgesAs, ...rights }: Place,
  ): RecordedSubscriber {
    const gateways = [gateway, ...otherGateways];
    const comesBack = otherGateways.length > 0;
    let starts = 0;
    const subscriber = new RecordedSubscriber({
      ...{ app: rights.app ?? DEFAULT_APP, channels, recorder: this.#histories.recorder(name), comesBack },
      ...(acknowledgesAs === undefined ? {} : { consumer: acknowledgesAs }),
      connect: () =>
        connectClient(name, clientPort(gateways[starts++ % gateways.length]!), rights, this.#silentMs),
    });
    this.subscribers.push(subscriber);
    return subscriber;
  }

  /** A subscriber without the SDK, not yet started. */
  async bareSubscriber(
    name: string,
    { gateway, channels, consumer, ...rights }: Place,
  ): Promise<RecordedBareSubscriber> {
    const subscriber = new RecordedBareSubscriber({
      ...{ app: rights.app ?? DEFAULT_APP, channels, recorder: this.#histories.recorder(name) },
      url: `ws://127.0.0.1:${clientPort(gateway)}`,
      token: await tokenFor(consumer?.user ?? name, rights),
      ...(consumer === undefined ? {} : { consumer }),
      ...(this.#silentMs === undefined ? {} : { silentMs: this.#silentMs }),
    });
    this.subscribers.push(subscriber);
    return subscriber;
  }

  /** @param wantsStored waits until it is told that each message is stored, too */
  async publisher(
    name: string,
    { gateway, channels, via, ...rights }: Place,
    { wantsStored = false } = {},
  ): Promise<RecordedPublisher> {
    const client = await connectClient(name, clientPort(gateway, via), rights, this.#silentMs);
    this.#clients.push(client);
    const app = rights.app ?? DEFAULT_APP;
    for (const channel of channels) this.#places.set(`${app}/${channel}`, { app, channel });
    const recorder = this.#histories.recorder(name);
    const { frontier } = this;
    const publisher = new RecordedPublisher({ app, client, channels, recorder, frontier, wantsStored });
    this.publishers.push(publisher);
    return publisher;
  }

  fault(name: string): void {
    this.#faults.record({ type: 'fault', at: Date.now(), name });
  }

  /** Redis may have lost messages accepted since `from` (`Date.now()`), unless they are in Postgres. */
  forgotten(from: number): void {
    this.#faults.record({ type: 'forgotten', at: Date.now(), from });
  }

  healed(name: string, recoverWithinMs: number): void {
    this.#faults.record({ type: 'healed', at: Date.now(), name, recoverWithinMs });
  }

  /** Resolves when so many more publishes were accepted. */
  async traffic(count: number, timeoutMs = 60_000): Promise<void> {
    const goal = this.frontier.accepted + count;
    await eventually(() => this.frontier.accepted >= goal, {
      what: `${count} more accepted publishes`,
      timeoutMs,
    });
  }

  /** Does every subscriber have what is the newest accepted message of each of its channels now? Ask again with the result. */
  goal(): () => boolean {
    const newest = new Map(
      this.subscribers.flatMap(({ app, channels }) =>
        channels.map((channel) => [`${app}/${channel}`, this.frontier.of(`${app}/${channel}`)] as const),
      ),
    );
    return () =>
      this.subscribers.every((subscriber) =>
        subscriber.channels.every((channel) => {
          const place = `${subscriber.app}/${channel}` as const;
          const goal = newest.get(place);
          const has = subscriber.position(channel);
          return goal === undefined || has === undefined || this.frontier.compare(place, has, goal) >= 0;
        }),
      );
  }

  /** Stops the publishers, gives everything time to arrive, reads back what is stored, and judges. */
  async judge(
    expectations: Expectations,
    { settleMs, reader }: { readonly settleMs: number; readonly reader: Service },
  ): Promise<Verdict> {
    await inTime(Promise.all(this.publishers.map((publisher) => publisher.finish())), settleMs);
    await arrived(this.goal(), settleMs);
    if (expectations.storedIsKnown !== false) {
      await arrived(() => this.#isStored(expectations), settleMs);
      await recordStored(this.#rows, this.#histories.recorder('postgres'));
    }
    if (expectations.rereadIsKnown !== false) await this.#reread(reader);
    await this.close();
    return check(readHistories(this.#histories.path), expectations);
  }

  async close(): Promise<void> {
    for (const subscriber of this.subscribers) subscriber.leave();
    for (const client of this.#clients) client.close();
    await this.#histories.close();
  }

  async #isStored({ dataLost, gone = 0 }: Expectations): Promise<boolean> {
    // More may be there than was accepted: what nobody was told of. Only after a loss of data nothing better than the number can be asked for.
    if ((await countStored(this.#rows)) < this.frontier.accepted - gone) return false;
    return dataLost === true || (await isStoredUpTo(this.#rows, this.frontier));
  }

  async #reread(gateway: Service): Promise<void> {
    const recorder = this.#histories.recorder('second-reading');
    for (const [app, places] of Map.groupBy(this.#places.values(), (place) => place.app)) {
      const client = await connectClient('second-reading', gateway.port, { app });
      this.#clients.push(client);
      for (const place of places) await recordReread(client, place, recorder);
    }
  }
}

/** Never fails: the checker reports messages that did not arrive in time. */
async function arrived(check: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
  return await eventually(check, { what: 'everything arrived', timeoutMs }).then(
    () => true,
    () => false,
  );
}

async function inTime(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeoutMs);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
