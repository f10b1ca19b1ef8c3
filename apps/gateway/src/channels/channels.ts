import type { Broker, ChannelKey, FeedHandler, GatewayFeed, PartitionId } from '@carillon/broker';
import type { NamespaceResolver } from '@carillon/config';
import { type Position, SYSTEM_CHANNEL } from '@carillon/protocol';
import { METRICS, RepeatedLog, type Telemetry } from '@carillon/telemetry';
import { publicName } from '../session/public-name.ts';
import { BrokerAbsence } from './broker-absence.ts';
import { Channel } from './channel.ts';
import { channelName } from './channel-name.ts';
import { DeliveryMeter } from './delivery-meter.ts';
import { EndedEpochs } from './ended-epochs.ts';
import { HistoryRetryPool } from './history-retry-pool.ts';
import { Interest } from './interest.ts';
import { InterestRenewal } from './interest-renewal.ts';
import { LineageReader } from './lineage-reader.ts';
import { readMissing } from './read-missing.ts';
import { Subscriber, type SubscriberSink } from './subscriber.ts';

/** A channel without subscribers is given back after this: a client that reloads its page finds it still warm. */
const LINGER_MS = 5000;

export interface ChannelsDependencies {
  readonly broker: Broker;
  readonly feed: GatewayFeed;
  readonly namespaces: NamespaceResolver;
  readonly telemetry: Telemetry;
  readonly onStored: FeedHandler['onStored'];
  /** `signal` aborts when the channels stop. */
  readonly onDataLost: (partitions: readonly PartitionId[], signal: AbortSignal) => void;
  readonly onConnection: FeedHandler['onConnection'];
}

/** The channels of this gateway: those with a local subscriber, and those that had one a moment ago. */
export class Channels implements FeedHandler {
  readonly historyRetries = new HistoryRetryPool();
  readonly endedEpochs: EndedEpochs;
  readonly #lineages: LineageReader;
  readonly #deps: ChannelsDependencies;
  readonly #interest: Interest;
  readonly #renewal: InterestRenewal;
  readonly #meter: DeliveryMeter;
  readonly #log: RepeatedLog;
  readonly #channels = new Map<ChannelKey, Channel>();
  readonly #joining = new Map<ChannelKey, Promise<Channel>>();
  readonly #abort = new AbortController();
  /** Channels that were opened while the broker was away: it doesn't know of our interest. Bounded by those that are open. */
  readonly #unknown = new Set<ChannelKey>();
  /** Channels that nobody has subscribed to: this gateway's own, and #system, which every client gets. They don't count. */
  readonly #unlisted = new Set<ChannelKey>();
  /** Frames are not what it wants, but a channel with a subscriber is watched and healed. */
  readonly #ownSink: SubscriberSink = {
    connectionId: 'gateway',
    isOpen: true,
    sendFrame: () => undefined,
    sendMessage: () => undefined,
    sendMissed: () => undefined,
    room: () => undefined,
    tellGap: (channel, from, to, reason) =>
      this.#log.warn({ channel, from, to, reason }, 'messages between gateways may be lost'),
  };
  readonly #absence: BrokerAbsence;
  subscriptionCount = 0;

  constructor(deps: ChannelsDependencies) {
    this.#deps = deps;
    this.#absence = new BrokerAbsence(deps.broker.partitions);
    this.#interest = new Interest(deps.feed, deps.broker);
    this.#lineages = new LineageReader(deps.feed);
    this.endedEpochs = new EndedEpochs({ ...deps, lineages: this.#lineages });
    this.#meter = new DeliveryMeter(() => deps.broker.nowMs(), deps.telemetry);
    this.#log = new RepeatedLog(deps.telemetry.loggerOf('channels'));
    this.#renewal = new InterestRenewal({
      feed: deps.feed,
      find: (key) => this.#channels.get(key),
      log: this.#log,
      signal: this.#abort.signal,
    });
    deps.telemetry.metrics.gauge(METRICS.channels, () => this.size);
    deps.telemetry.metrics.gauge(METRICS.subscriptions, () => this.subscriptionCount);
  }

  get size(): number {
    return this.#channels.size - this.#unlisted.size;
  }

  all(): Iterable<Channel> {
    return this.#channels.values();
  }

  /** The channel with its position known. @throws CarillonError UNAVAILABLE */
  open(key: ChannelKey): Promise<Channel> | Channel {
    const known = this.#channels.get(key);
    if (known?.position !== undefined) return known;
    const joining = this.#joining.get(key) ?? this.#join(key);
    this.#joining.set(key, joining);
    return joining;
  }

  find(key: ChannelKey): Channel | undefined {
    return this.#channels.get(key);
  }

  add(channel: Channel, subscriber: Subscriber): void {
    this.listen(channel, subscriber);
    this.subscriptionCount++;
  }

  /** Adds a subscriber of the gateway itself, where no client has subscribed. */
  listen(channel: Channel, subscriber: Subscriber): void {
    channel.subscribers.add(subscriber);
    channel.emptySinceMs = undefined;
  }

  /** Gives this gateway itself what is published on a channel from now on, for as long as it runs. @throws CarillonError UNAVAILABLE */
  async listenRecords(key: ChannelKey, onRecord: (record: string) => void): Promise<void> {
    const channel = await this.open(key);
    channel.onRecord = onRecord;
    this.listen(channel, new Subscriber(this.#ownSink));
    this.#unlisted.add(key);
  }

  remove(channel: Channel, subscriber: Subscriber): void {
    if (this.unlisten(channel, subscriber)) this.subscriptionCount--;
  }

  /** `false`: it didn't listen. */
  unlisten(channel: Channel, subscriber: Subscriber): boolean {
    if (!channel.subscribers.delete(subscriber)) return false;
    if (channel.subscribers.size === 0) channel.emptySinceMs = performance.now();
    return true;
  }

  /**
   * Brings a channel to where the broker is now: a client that comes from another gateway may have messages that are still on their
   * way to this one. @throws CarillonError UNAVAILABLE
   */
  async catchUp(channel: Channel): Promise<void> {
    const lineage = await this.#lineages.read(channel.key);
    if (lineage !== undefined) await channel.catchUpTo(lineage);
  }

  /** Gives back channels that nobody has wanted for a while. */
  async releaseIdle(): Promise<void> {
    const nowMs = performance.now();
    const idle: ChannelKey[] = [];
    for (const channel of this.#channels.values()) {
      channel.forgetRecent(nowMs);
      // A channel whose interest can't be withdrawn now is kept until it can.
      const isIdle = channel.emptySinceMs !== undefined && channel.emptySinceMs < nowMs - LINGER_MS;
      if (isIdle && this.isServed(channel.key)) idle.push(channel.key);
    }
    if (idle.length === 0) return;
    for (const key of idle) {
      this.#channels.delete(key);
      this.#unlisted.delete(key);
      this.#unknown.delete(key);
    }
    await this.#interest.giveBack(idle, (error) =>
      this.#log.warn({ err: error, channels: idle.length }, 'could not give channels back'),
    );
  }

  stop(): void {
    this.#abort.abort();
  }

  /** [DG3] `undefined`: the broker is there, or nobody here wants the channel to go on without it. */
  publishLocally(key: ChannelKey, record: string): Position | undefined {
    if (this.isServed(key)) return undefined;
    const epoch = this.#localEpoch(key);
    return this.#channels.get(key)?.receiveLocally(epoch, record) ?? { epoch, seq: 0 };
  }

  /** Can the broker be reached for this channel? */
  isServed(key: ChannelKey): boolean {
    return !this.#absence.has(this.#deps.broker.partitionOf(key));
  }

  /** `-` sorts before all that real epochs begin with. Another one for each absence: a number is not given twice. */
  #localEpoch(key: ChannelKey): string {
    const absence = this.#absence.countOf(this.#deps.broker.partitionOf(key));
    return `-${publicName(this.#deps.feed.gateway)}-${absence}`;
  }

  onMessage(key: ChannelKey, epoch: string, seq: number, record: string): void {
    this.#channels.get(key)?.receive(epoch, seq, record);
  }

  onStored(key: ChannelKey, epoch: string, seq: number): void {
    this.#deps.onStored(key, epoch, seq);
  }

  onBatchEnd(): void {
    // Sockets are flushed by the outboxes themselves, once per turn.
  }

  onInterestLost(partitions: readonly PartitionId[]): void {
    const lost = new Set(partitions);
    void this.#renewal.renew(
      [...this.#channels.keys()].filter((key) => lost.has(this.#deps.broker.partitionOf(key))),
    );
  }

  onDataLost(partitions: readonly PartitionId[]): void {
    this.#deps.onDataLost(partitions, this.#abort.signal);
    const lost = new Set(partitions);
    for (const channel of this.#channels.values())
      if (channel.hasPassedSilently && lost.has(this.#deps.broker.partitionOf(channel.key)))
        void this.#tellLosses(channel);
  }

  onConnection(up: boolean, away?: readonly PartitionId[]): void {
    this.#absence.turned(up, away);
    const back = [...this.#unknown].filter((key) => this.isServed(key));
    for (const key of back) this.#unknown.delete(key);
    void this.#renewal.renew(back);
    this.#deps.onConnection(up, away);
  }

  async #join(key: ChannelKey): Promise<Channel> {
    const { broker, feed, namespaces } = this.#deps;
    const policy = namespaces.resolve(channelName(key));
    const channel = new Channel(key, {
      policy,
      meter: this.#meter,
      historyRetries: this.historyRetries,
      endedEpochs: this.endedEpochs,
      onPassedSilently: (passed) => void this.#tellLosses(passed),
      readMissing: (of, epoch, from, to) =>
        readMissing({ broker, gateway: feed.gateway }, { channel: of, epoch, from, to, policy }),
    });
    channel.emptySinceMs = performance.now();
    // Before interest is recorded: messages may arrive before the answer.
    this.#channels.set(key, channel);
    if (channel.name === SYSTEM_CHANNEL) this.#unlisted.add(key);
    try {
      channel.join(await this.#interest.want(key));
      return channel;
    } catch (error) {
      if (policy.ephemeral && !this.isServed(key)) {
        channel.joinLocally({ epoch: this.#localEpoch(key), seq: 0 });
        this.#unknown.add(key);
        return channel;
      }
      this.#channels.delete(key);
      this.#unlisted.delete(key);
      throw error;
    } finally {
      this.#joining.delete(key);
    }
  }

  async #tellLosses(channel: Channel): Promise<void> {
    try {
      const lineage = await this.#lineages.read(channel.key);
      if (lineage !== undefined) channel.tellLosses(lineage);
    } catch (error) {
      // The next connection finds the loss again, in what the channel says of its epochs.
      this.#log.warn({ err: error, channel: channel.key }, 'could not ask which epochs have losses');
    }
  }
}
