/** A gateway that writes down what its feed says and publishes as a client does: for tests of a Redis that loses something. */
import { eventually } from '@carillon/testing';
import { expect } from 'vitest';
import type { Broker, ChannelKey, FeedHandler, GatewayFeed, Publication, PublishOutcome } from '../ports.ts';

export const CHANNEL: ChannelKey = 'app/a';
export const KEPT = { history: { maxMessages: 1000, ttlMs: 60_000 }, durable: false };

export interface Got {
  readonly epoch: string;
  readonly seq: number;
  readonly record: string;
}

export class LossGateway implements FeedHandler {
  readonly broker: Broker;
  readonly feed: GatewayFeed;
  readonly got: Got[] = [];
  lost = 0;

  constructor(broker: Broker, name: string) {
    this.broker = broker;
    this.feed = broker.feed(name);
  }

  onMessage(_channel: ChannelKey, epoch: string, seq: number, record: string): void {
    this.got.push({ epoch, seq, record });
  }

  onStored(): void {
    throw new Error('nobody asked for `stored`');
  }

  onBatchEnd(): void {
    // Every message is looked at by itself.
  }

  onInterestLost(): void {
    this.lost++;
  }

  losses = 0;

  onDataLost(): void {
    this.losses++;
  }

  onConnection(): void {
    // The test looks at what comes through.
  }

  async publish(record: string, extra: Partial<Publication> = {}): Promise<PublishOutcome> {
    const [outcome] = await this.broker.publisher.publish([
      { channel: CHANNEL, id: record, record, keeping: KEPT, ...extra },
    ]);
    return outcome!;
  }

  /** As a client does: a refusal that says so is tried again. */
  async publishPatiently(record: string, extra: Partial<Publication> = {}): Promise<Got> {
    let accepted: Got | undefined;
    await eventually(
      async () => {
        const outcome = await this.publish(record, extra);
        if (outcome.status === 'accepted')
          accepted = { epoch: outcome.epoch, seq: outcome.seq, record: outcome.id };
        else if (!outcome.error.retryable) throw outcome.error;
        return accepted !== undefined;
      },
      { what: `${record} is accepted`, timeoutMs: 25_000 },
    );
    return accepted!;
  }

  async records(): Promise<readonly string[]> {
    const { top, entries } = await this.broker.history.range(CHANNEL, { from: 1, to: 1000, limit: 1000 });
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, i) => i + 1));
    expect(top?.seq).toBe(entries.length);
    return entries.map(({ record }) => record);
  }
}
