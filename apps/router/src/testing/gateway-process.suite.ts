/** A gateway in a process of its own, to be killed: subscribes the channels it is given, says so, and stays. */
import { type ChannelKey, createRedisBroker } from '@carillon/broker';
import { silentTelemetry } from './silent-telemetry.suite.ts';

const [name = '', url = '', partitions = '', heartbeatMs = '', ...channels] = process.argv.slice(2);
const broker = createRedisBroker({
  url,
  partitions: Number(partitions),
  limits: { gatewayHeartbeatMs: Number(heartbeatMs), directLaneMaxGateways: 1 },
  logger: silentTelemetry(name).logger,
});
await broker.start();
const feed = broker.feed(name);
const ignore = (): void => undefined;
await feed.start({
  onMessage: ignore,
  onStored: ignore,
  onBatchEnd: ignore,
  onInterestLost: ignore,
  onDataLost: ignore,
  onConnection: ignore,
});
await feed.subscribe(channels as ChannelKey[]);
process.stdout.write('subscribed\n');
