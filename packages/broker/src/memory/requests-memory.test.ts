import { describeRequestsContract } from '../contract/requests-contract.suite.ts';
import { createMemoryBroker } from './memory-broker.ts';

describeRequestsContract('memory', async (limits = {}) => {
  const broker = createMemoryBroker({ limits });
  await broker.start();
  return { open: async () => broker, close: () => broker.stop() };
});
