import { describeControlContract } from '../contract/control-contract.suite.ts';
import { createMemoryBroker } from './memory-broker.ts';

describeControlContract('memory', async (limits = {}) => {
  const broker = createMemoryBroker({ limits });
  await broker.start();
  return { open: async () => broker, close: () => broker.stop() };
});
