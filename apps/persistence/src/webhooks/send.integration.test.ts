import { webhookEndpoints } from '@carillon/config';
import { HOSTILE_ANSWER_NAMES, startHostilePeer } from '@carillon/testing';
import { describe, expect, it } from 'vitest';
import { AddressPolicy } from './public-address.ts';
import { startReceiver } from './receiver.suite.ts';
import { sendDelivery } from './send.ts';

const DELIVERY = {
  id: 'd-1',
  event: 'message.published',
  body: '{"message":{"channel":"a","seq":1}}',
  attempts: 2,
};

it('connects to the address that was checked, whatever the name leads to a moment later', async () => {
  const { url, received, stop } = await startReceiver();
  const { port } = new URL(url);
  const [endpoint] = webhookEndpoints([
    {
      name: 'rebound',
      // A name that nobody resolves: a second look-up would fail.
      url: `http://rebound.invalid:${port}/hook`,
      events: ['message.published'],
      secrets: ['0123456789abcdef'],
    },
  ]);
  const addresses = new AddressPolicy([]);
  addresses.resolve = async () => [{ address: '127.0.0.1', family: 4 }];
  const stopping = new AbortController().signal;
  expect(await sendDelivery(endpoint!, DELIVERY, { addresses, stopping })).toEqual({ delivered: true });
  expect(received).toMatchObject([{ id: 'd-1', attempt: 3 }]);
  const unchanged = await sendDelivery(endpoint!, DELIVERY, { addresses: new AddressPolicy([]), stopping });
  expect(unchanged).toMatchObject({ delivered: false, endpointIsIll: true });
  await stop();
});

describe('[C11] an attempt ends in its time, whatever the endpoint does', () => {
  it.each(HOSTILE_ANSWER_NAMES)('%s', async (answer) => {
    const peer = await startHostilePeer(answer);
    const [endpoint] = webhookEndpoints([
      {
        name: 'hostile',
        url: peer.url,
        events: ['message.published'],
        secrets: ['0123456789abcdef'],
        timeoutMs: 500,
      },
    ]);
    const addresses = new AddressPolicy(['127.0.0.1']);
    const stopping = new AbortController().signal;
    const result = await sendDelivery(endpoint!, DELIVERY, { addresses, stopping });
    expect(result).toMatchObject({ delivered: false, reason: expect.stringMatching(/\S/) });
    expect(peer.requests).toBe(1);
    await peer.stop();
  });
});

it('tries the next address of a name when nothing answers at the first', async () => {
  const { url, received, stop } = await startReceiver();
  const [endpoint] = webhookEndpoints([
    {
      name: 'two',
      url: `http://two.invalid:${new URL(url).port}/hook`,
      events: ['message.published'],
      secrets: ['0123456789abcdef'],
    },
  ]);
  const addresses = new AddressPolicy([]);
  addresses.resolve = async () => [
    { address: '127.0.0.2', family: 4 },
    { address: '::1', family: 6 },
    { address: '127.0.0.1', family: 4 },
  ];
  const stopping = new AbortController().signal;
  expect(await sendDelivery(endpoint!, DELIVERY, { addresses, stopping })).toEqual({ delivered: true });
  expect(received).toHaveLength(1);
  await stop();
});
