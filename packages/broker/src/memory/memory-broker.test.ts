import { describe, expect, it } from 'vitest';
import { describeBrokerContract } from '../contract/broker-contract.suite.ts';
import { createMemoryBroker } from './memory-broker.ts';
import { MemoryState } from './memory-state.ts';

describeBrokerContract('memory', async (limits = {}) => {
  // Processes of one installation share its state; in one process that is one broker.
  const broker = createMemoryBroker({ limits });
  await broker.start();
  return { open: async () => broker, close: () => broker.stop() };
});

describe('snapshot', () => {
  it('carries positions over a clean restart', async () => {
    const before = createMemoryBroker();
    const keeping = { history: undefined, durable: false };
    const [first] = await before.publisher.publish([{ channel: 'app/a', id: '1', record: 'x', keeping }]);
    const after = createMemoryBroker();
    after.restore(before.snapshot());
    const [second] = await after.publisher.publish([{ channel: 'app/a', id: '2', record: 'y', keeping }]);
    expect(second).toMatchObject({
      status: 'accepted',
      seq: 2,
      epoch: first?.status === 'accepted' ? first.epoch : '',
    });
  });

  it('without one, a channel begins a new epoch', async () => {
    const publish = async () =>
      (
        await createMemoryBroker().publisher.publish([
          { channel: 'app/a', id: '1', record: 'x', keeping: { history: undefined, durable: false } },
        ])
      )[0];
    const [first, second] = [await publish(), await publish()];
    expect(first).toMatchObject({ seq: 1 });
    expect(second).toMatchObject({ seq: 1 });
    expect(first).not.toMatchObject({ epoch: (second as { epoch: string }).epoch });
  });
});

it('forgets channels that nobody wants and nothing is kept of', async () => {
  const state = new MemoryState(4, {
    directLaneMaxGateways: 8,
    producerWindow: 8,
    producerTtlMs: 10,
    feedMaxEntries: 8,
    logMaxEntries: 8,
    gatewayHeartbeatMs: 1000,
    channelIdleTtlMs: 1000,
  });
  state.open('app/idle', 0);
  state.open('app/wanted', 0).interest.add('g');
  state.sweep(5000);
  expect([...state.channels()].map(({ key }) => key)).toEqual(['app/wanted']);
});
