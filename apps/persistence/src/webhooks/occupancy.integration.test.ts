/** C11: webhooks of channels that become occupied or vacated. */
import type { ChannelKey, FeedHandler } from '@carillon/broker';
import { eventually } from '@carillon/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebhookStage } from './webhook-stage.suite.ts';

const DEAF: FeedHandler = {
  onMessage: () => undefined,
  onStored: () => undefined,
  onBatchEnd: () => undefined,
  onInterestLost: () => undefined,
  onDataLost: () => undefined,
  onConnection: () => undefined,
};
const BOTH: ('channel.occupied' | 'channel.vacated')[] = ['channel.occupied', 'channel.vacated'];
const ROOM: ChannelKey = 'demo/chat:room';

describe('webhooks of occupancy', () => {
  let stage: WebhookStage;
  beforeAll(async () => {
    stage = await WebhookStage.open();
  });
  afterAll(() => stage.close());
  beforeEach(() => stage.begin());
  afterEach(() => stage.end());

  const join = async (gateway: string) => {
    const feed = stage.broker.feed(gateway);
    await feed.start(DEAF);
    return feed;
  };
  const bodiesOf = (received: readonly { readonly body: string }[]) =>
    received.map(({ body }) => JSON.parse(body) as { event: string; channel: { name: string } });

  it('[C11] tells who wants to know, in turns for each channel', async () => {
    const { url, received } = await stage.receiver();
    const messages = await stage.receiver();
    await stage.start([
      { url, name: 'occupancy', events: BOTH, ordered: true, namespaces: ['chat'] },
      { url: messages.url, name: 'messages' },
    ]);
    const one = await join('g1');
    // From the moment on when somebody takes note.
    await eventually(
      async () => {
        await one.subscribe(['demo/chat:first']);
        await one.unsubscribe(['demo/chat:first']);
        return received.length > 1;
      },
      { what: 'the broker tells' },
    );
    const two = await join('g2');
    for (let round = 0; round < 10; round++) {
      await one.subscribe([ROOM, 'demo/news:other']);
      await two.subscribe([ROOM]);
      await one.unsubscribe([ROOM, 'demo/news:other']);
      await two.unsubscribe([ROOM]);
    }
    await stage.settled();
    const ofRoom = bodiesOf(received).filter(({ channel }) => channel.name === 'chat:room');
    expect(ofRoom.map(({ event }) => event)).toEqual(Array.from({ length: 10 }, () => BOTH).flat());
    expect(ofRoom[0]).toEqual({
      id: expect.stringMatching(/^d-/),
      event: 'channel.occupied',
      app: 'demo',
      channel: { name: 'chat:room', occurredAt: expect.any(Number) },
    });
    expect(bodiesOf(received).some(({ channel }) => channel.name === 'news:other')).toBe(false);
    expect(messages.received).toEqual([]);
  });

  it('keeps nothing of it when no endpoint wants to know', async () => {
    const { url, received } = await stage.receiver();
    // An installation that wanted to know until a moment ago.
    await stage.broker.log.tellOccupancy();
    await stage.start([{ url }]);
    const one = await join('g1');
    await one.subscribe([ROOM]);
    await one.unsubscribe([ROOM]);
    await stage.settled();
    expect([await stage.count('messages'), received.length]).toEqual([0, 0]);
  });
});
