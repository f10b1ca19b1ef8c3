import { createMemoryBroker } from '@carillon/broker';
import { expect, it } from 'vitest';
import { drainLog } from './drain.ts';

it('the log counts as empty only when what was accepted is stored', async () => {
  const broker = createMemoryBroker();
  await broker.start();
  expect(await drainLog(broker, 0)).toBe(true);
  const keeping = { history: undefined, durable: true };
  await broker.publisher.publish([{ channel: 'default/chat', id: 'm1', record: '{"id":"m1"}\n1', keeping }]);
  expect(await drainLog(broker, 0)).toBe(false);
  const taken = await broker.log.read('worker', { count: 10, blockMs: 0 });
  expect(await drainLog(broker, 0)).toBe(false);
  const draining = drainLog(broker, 10_000);
  await broker.log.commit(taken);
  expect(await draining).toBe(true);
  await broker.stop();
});
