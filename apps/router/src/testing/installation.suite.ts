import { fileURLToPath } from 'node:url';
import { type Broker, type BrokerLimits, createRedisBroker } from '@carillon/broker';
import type { MetricJson } from '@carillon/telemetry';
import {
  eventually,
  freePort,
  type ProcessOptions,
  type RedisOptions,
  type ServerProcess,
  startProcess,
  startRedis,
  type TestRedis,
} from '@carillon/testing';
import { Redis } from 'ioredis';
import { RecordingGateway } from './gateway-feed.suite.ts';
import { silentTelemetry } from './silent-telemetry.suite.ts';

export const PARTITIONS = 8;
const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const GATEWAY = fileURLToPath(new URL('./gateway-process.suite.ts', import.meta.url));

export interface RouterSettings {
  readonly leaseTtlMs?: number;
  readonly gatewayTimeoutMs?: number;
  readonly gatewayHeartbeatMs?: number;
  readonly directLaneMaxGateways?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A router in a process of its own, with its address for metrics. */
export interface RouterProcess {
  readonly name: string;
  readonly process: ServerProcess;
  /** Sum of a metric's samples. */
  metric(name: string): Promise<number>;
}

/** A Redis, brokers on it, gateways and router processes; all ended by `stop`. */
export class Installation {
  readonly redis: TestRedis;
  readonly #limits: Partial<BrokerLimits>;
  readonly #brokers: Broker[] = [];
  readonly #gateways: RecordingGateway[] = [];
  readonly #processes: ServerProcess[] = [];

  private constructor(redis: TestRedis, limits: Partial<BrokerLimits>) {
    this.redis = redis;
    this.#limits = limits;
  }

  static async start(limits: Partial<BrokerLimits> = {}, redis: RedisOptions = {}): Promise<Installation> {
    return new Installation(await startRedis(redis), limits);
  }

  /** A broker with connections of its own, as another process would have. */
  async openBroker(): Promise<Broker> {
    const { logger } = silentTelemetry('test');
    const broker = createRedisBroker({
      url: this.redis.url,
      partitions: PARTITIONS,
      limits: this.#limits,
      logger,
    });
    await broker.start();
    this.#brokers.push(broker);
    return broker;
  }

  async startGateway(name: string): Promise<RecordingGateway> {
    const gateway = new RecordingGateway(await this.openBroker(), name);
    await gateway.start();
    this.#gateways.push(gateway);
    return gateway;
  }

  async startRouter(name: string, settings: RouterSettings = {}): Promise<RouterProcess> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const router = await this.startProcess({
      command: process.execPath,
      args: [MAIN],
      env: { ...this.#environment(settings), CARILLON_NODE_ID: name, CARILLON_ROUTER_PORT: String(port) },
      readyUrl: `${url}/ready`,
    });
    return { name, process: router, metric: (metric) => readMetric(url, metric) };
  }

  /** A gateway that can be killed; W is 1 for what it subscribes. */
  async startGatewayProcess(
    name: string,
    channels: readonly string[],
    heartbeatMs: number,
  ): Promise<ServerProcess> {
    return await this.startProcess({
      command: process.execPath,
      args: [GATEWAY, name, this.redis.url, String(PARTITIONS), String(heartbeatMs), ...channels],
      readyPattern: /subscribed/,
    });
  }

  async startProcess(options: ProcessOptions): Promise<ServerProcess> {
    const started = await startProcess(options);
    this.#processes.push(started);
    return started;
  }

  /** All keys in Redis. */
  async keys(): Promise<readonly string[]> {
    const redis = new Redis(this.redis.url);
    const keys = await redis.keys('*');
    redis.disconnect();
    return keys;
  }

  async stop(): Promise<void> {
    for (const running of this.#processes) running.resume();
    await Promise.all(this.#processes.map((running) => running.kill()));
    await Promise.all(this.#gateways.map((gateway) => gateway.feed.stop()));
    await Promise.all(this.#brokers.map((broker) => broker.stop()));
    await this.redis.stop();
  }

  #environment({
    leaseTtlMs = 1000,
    // The gateways live in the process of the test, which may stand still.
    gatewayTimeoutMs = 60_000,
    gatewayHeartbeatMs = 2000,
    directLaneMaxGateways = 8,
    env = {},
  }: RouterSettings) {
    return {
      CARILLON_REDIS_URL: this.redis.url,
      CARILLON_PARTITIONS: String(PARTITIONS),
      CARILLON_LEASE_TTL_MS: String(leaseTtlMs),
      CARILLON_GATEWAY_TIMEOUT_MS: String(gatewayTimeoutMs),
      CARILLON_GATEWAY_HEARTBEAT_MS: String(gatewayHeartbeatMs),
      CARILLON_DIRECT_LANE_MAX_GATEWAYS: String(directLaneMaxGateways),
      ...env,
    };
  }
}

async function readMetric(url: string, metric: string): Promise<number> {
  const response = await fetch(`${url}/metrics.json`);
  const metrics = (await response.json()) as Record<string, MetricJson>;
  const { samples } = metrics[metric]!;
  return samples.reduce((sum, { value = 0 }) => sum + value, 0);
}

/** Waits until each of these routers holds as many partitions. */
export async function untilHeld(
  broker: Broker,
  shares: Readonly<Record<string, number>>,
  timeoutMs = 30_000,
): Promise<void> {
  await eventually(
    async () => {
      const owners = await broker.router.owners();
      return Object.entries(shares).every(
        ([name, share]) => owners.filter((owner) => owner === name).length === share,
      );
    },
    { what: `the partitions are held ${JSON.stringify(shares)}`, timeoutMs },
  );
}
