import type { RealtimeClient, RecoveredEvent, Subscription } from '@carillon/client';
import type { Position } from '@carillon/protocol';
import type { Recorder } from './history-file.ts';

interface Keyed {
  readonly key: string;
}

export interface RecordedSubscriberOptions {
  readonly app: string;
  readonly connect: () => Promise<RealtimeClient>;
  readonly channels: readonly string[];
  readonly recorder: Recorder;
  /** It will {@link RecordedSubscriber.leave} and start again with its positions only, as a reloaded page. Default false. */
  readonly comesBack?: boolean;
  /** It acknowledges everything under this name, and comes back without its positions: to where it acknowledged. */
  readonly consumer?: string;
}

/** A subscriber with the SDK. Takes down what its application code got. */
export class RecordedSubscriber {
  readonly app: string;
  readonly channels: readonly string[];
  readonly #options: RecordedSubscriberOptions;
  readonly #recorder: Recorder;
  /** Of the last message given to the application, or of the last notice. */
  readonly #positions = new Map<string, Position>();
  /** Of a consumer: it may be sent again what it acknowledged last, and only the first receipt counts. */
  readonly #acknowledged = new Set<string>();
  #subscriptions: readonly Subscription[] = [];
  #client: RealtimeClient | undefined;

  constructor(options: RecordedSubscriberOptions) {
    this.#options = options;
    this.#recorder = options.recorder;
    this.app = options.app;
    this.channels = options.channels;
  }

  get name(): string {
    return this.#recorder.process;
  }

  position(channel: string): Position | undefined {
    return this.#positions.get(channel);
  }

  /** Subscribes; again after {@link leave}, from where it was. Resolves when the server has confirmed every channel. */
  async start(): Promise<void> {
    const client = await this.#options.connect();
    this.#client = client;
    this.#subscriptions = this.channels.map((channel) => this.#subscribe(client, channel));
    await Promise.all(this.#subscriptions.map((subscription) => subscription.ready()));
  }

  /** Closes its connection as a page does that is closed. Its subscriptions go on with the next `start`. */
  leave(): void {
    this.#client?.close();
  }

  /** Ends its subscriptions by its own will. */
  end(): void {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    for (const channel of this.channels)
      this.#recorder.record({ type: 'end', at: Date.now(), app: this.app, channel });
    this.#positions.clear();
    this.leave();
  }

  #subscribe(client: RealtimeClient, channel: string): Subscription {
    const { consumer } = this.#options;
    const known = this.#positions.get(channel);
    const subscription = client.subscribe<Keyed>(
      channel,
      ({ epoch, seq, payload }) => {
        this.#receive(channel, { epoch, seq }, payload.key);
        if (consumer !== undefined) subscription.ack({ epoch, seq });
      },
      consumer === undefined ? (known === undefined ? {} : { position: known }) : { consumer },
    );
    subscription.on('subscribed', ({ position }) => this.#subscribed(channel, position));
    subscription.on('recovered', (event) => this.#recovered(channel, event));
    subscription.on('gap', ({ from, to, reason }) => this.#told(channel, from, to, reason));
    return subscription;
  }

  #receive(channel: string, position: Position, key: string): void {
    if (this.#isAgain(`${channel} ${key}`)) return;
    this.#positions.set(channel, position);
    this.#recorder.record({ type: 'receive', at: Date.now(), app: this.app, channel, ...position, key });
  }

  #isAgain(message: string): boolean {
    if (this.#options.consumer === undefined) return false;
    if (this.#acknowledged.has(message)) return true;
    this.#acknowledged.add(message);
    return false;
  }

  #subscribed(channel: string, position: Position): void {
    if (this.#positions.has(channel)) return;
    this.#positions.set(channel, position);
    const forgetful = this.#options.comesBack === true;
    this.#recorder.record({ type: 'begin', at: Date.now(), app: this.app, channel, ...position, forgetful });
  }

  #recovered(channel: string, { recovered, reason, missed, position }: RecoveredEvent): void {
    // A consumer comes back to where it acknowledged, which may be before what it received.
    if (recovered && this.#options.consumer !== undefined) return;
    if (recovered)
      this.#recorder.record({
        type: 'recovered',
        at: Date.now(),
        app: this.app,
        channel,
        ...position,
        missed,
      });
    else this.#told(channel, this.#positions.get(channel) ?? position, position, reason ?? '');
  }

  #told(channel: string, from: Position, to: Position, reason: string): void {
    this.#positions.set(channel, to);
    this.#recorder.record({ type: 'notice', at: Date.now(), app: this.app, channel, from, ...to, reason });
  }
}
