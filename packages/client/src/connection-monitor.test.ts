import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type ConnectionMonitor, connectionMonitor } from './connection-monitor.ts';
import type { Finding } from './disconnect-patterns.ts';
import { MemoryNetwork } from './memory-network.suite.ts';
import type { RealtimeClientOptions } from './options.ts';
import { ProtocolPeer } from './protocol-peer.suite.ts';
import { RealtimeClient } from './realtime-client.ts';

let peer: ProtocolPeer;
let network: MemoryNetwork;
let client: RealtimeClient;
let monitor: ConnectionMonitor;
let device: EventTarget;
let told: Finding[];

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const patterns = () => monitor.findings.map(({ pattern }) => pattern);

async function start(options: Partial<RealtimeClientOptions> = {}): Promise<void> {
  client = new RealtimeClient({
    url: 'ws://peer',
    webSocket: network.WebSocket,
    random: () => 0,
    monitor: connectionMonitor({ network: device }),
    ...options,
  });
  monitor = client.monitor!;
  monitor.onFinding((finding) => told.push(finding));
  client.connect();
  await pass(100);
}

/** Lets each connection live so long, and then ends it. */
async function endAfter(agesMs: readonly number[], end: () => void = () => network.cut()): Promise<void> {
  for (const ageMs of agesMs) {
    await pass(ageMs);
    end();
    await pass(100);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  peer = new ProtocolPeer();
  network = new MemoryNetwork(peer, () => 5);
  device = new EventTarget();
  told = [];
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

describe('patterns of disconnects', () => {
  it('a constant age means a timeout of a proxy', async () => {
    await start();
    await endAfter([60_000, 61_000, 59_500]);
    expect(monitor.findings).toMatchObject([
      { pattern: 'constant-age', cause: expect.stringMatching(/proxy.*60\.\d s/) },
    ]);
    expect(monitor.findings[0]!.evidence).toMatch(/^3 of the last 3 lived 59\.\d s to 61\.\d s/);
    expect(monitor.findings[0]!.advice).toMatch(/proxy_read_timeout.*pingIntervalMs/);
  });

  it('different ages mean nothing', async () => {
    await start();
    await endAfter([60_000, 200_000, 35_000, 400_000]);
    expect(patterns()).toEqual([]);
  });

  it('two ends, or very short lives, are not enough to speak of a timeout', async () => {
    await start();
    await endAfter([60_000, 60_000]);
    expect(patterns()).toEqual([]);
    client.close();
    await start();
    await endAfter([2_000, 2_000, 2_000]);
    expect(patterns()).toEqual([]);
  });

  it('a constant age that the server explains is no proxy', async () => {
    await start();
    await endAfter([60_000, 60_000, 60_000], () => peer.closeAll(4002, 'SLOW_CONSUMER'));
    expect(monitor.findings).toMatchObject([
      {
        pattern: 'same-code',
        cause: expect.stringMatching(/more slowly/),
        evidence: expect.stringMatching(/4002/),
      },
    ]);
  });

  it('two codes are not the same code', async () => {
    await start();
    await endAfter([60_000, 90_000], () => peer.closeAll(4002, ''));
    await endAfter([40_000], () => peer.closeAll(4000, ''));
    expect(patterns()).toEqual([]);
  });

  it('short lives mean flapping, until they are some time ago', async () => {
    await start();
    await endAfter([3_000, 9_000, 1_000, 15_000, 6_000]);
    expect(patterns()).toEqual(['flapping']);
    await pass(600_000);
    expect(patterns()).toEqual([]);
  });

  it('ends after a change of the network are explained by it', async () => {
    await start();
    await endAfter([60_000, 60_000, 60_000], () => {
      device.dispatchEvent(new Event('offline'));
      network.cut();
    });
    expect(patterns()).toEqual(['network-change']);
    expect(monitor.connections[0]!.networkChangedMsBefore).toBe(0);
  });

  it('unanswered pings mean that the network forgets connections', async () => {
    await start({ pingIntervalMs: 10_000, pongTimeoutMs: 1_000 });
    await endAfter([15_000, 15_000, 15_000], () => network.silence());
    await pass(60_000);
    expect(patterns()).toEqual(['silent-network']);
  });

  it('attempts that fail in a row mean that the server is out of reach', async () => {
    network.reachable = false;
    await start();
    await pass(10_000);
    expect(monitor.findings).toMatchObject([
      { pattern: 'unreachable', evidence: expect.stringMatching(/no connection ever/) },
    ]);
    network.reachable = true;
    await pass(60_000);
    expect(patterns()).toEqual([]);
  });

  it('refused tokens are told with what the server said', async () => {
    peer.refuse = ({ type }) =>
      type === 'connect' ? { code: 'TOKEN_EXPIRED', message: 'expired', retryable: false } : undefined;
    await start({ getToken: () => 'old' });
    await pass(5_000);
    expect(patterns()).toContain('auth-failures');
    expect(monitor.findings.find(({ pattern }) => pattern === 'auth-failures')!.evidence).toMatch(
      /TOKEN_EXPIRED, expired/,
    );
  });

  it('refusals for too many requests are counted', async () => {
    await start();
    let refusals = 3;
    peer.refuse = ({ type }) =>
      type === 'publish' && refusals-- > 0
        ? { code: 'RATE_LIMITED', message: 'slowly', retryable: true, retryAfterMs: 100 }
        : undefined;
    await Promise.all([client.publish('a', 1), pass(5_000)]);
    expect(patterns()).toEqual(['rate-limited']);
  });

  it('are told once each, when they show themselves', async () => {
    await start();
    await endAfter([60_000, 60_000, 60_000, 60_000]);
    expect(told.map(({ pattern }) => pattern)).toEqual(['constant-age']);
  });

  it('the end that the application asks for is none', async () => {
    await start();
    for (let i = 0; i < 6; i++) {
      await pass(6_000);
      client.close();
      client.connect();
      await pass(100);
    }
    expect(patterns()).toEqual([]);
    expect(monitor.connections).toHaveLength(1);
  });
});

describe('round trips', () => {
  it('are measured and summed up', async () => {
    vi.useFakeTimers({
      now: 1_800_000_000_000,
      toFake: ['setTimeout', 'setInterval', 'performance', 'Date'],
    });
    let latencyMs = 5;
    network = new MemoryNetwork(peer, () => latencyMs);
    await start({ pingIntervalMs: 1_000 });
    for (const ms of [10, 20, 30]) {
      latencyMs = ms;
      await pass(1_000);
    }
    expect(monitor.latency).toEqual({ count: 4, minMs: 10, avgMs: 32.5, p50Ms: 20, p95Ms: 60, lastMs: 60 });
    expect(patterns()).toEqual([]);
  });

  it('that are long are told', async () => {
    network = new MemoryNetwork(peer, () => 400);
    await start({ pingIntervalMs: 1_000 });
    await pass(15_000);
    expect(monitor.findings).toMatchObject([
      { pattern: 'high-latency', evidence: expect.stringMatching(/p95 800 ms/) },
    ]);
  });
});

describe('the memory', () => {
  it('is bounded, and holds the last', async () => {
    await start({
      monitor: connectionMonitor({ network: device, maxConnections: 3, maxLatencies: 2, maxEvents: 4 }),
    });
    await endAfter([31_000, 32_000, 33_000, 34_000]);
    expect(monitor.connections).toHaveLength(3);
    expect(monitor.connections.at(-1)!.code).toBeUndefined();
    expect(monitor.events).toHaveLength(4);
    expect(monitor.latency!.count).toBe(2);
    expect(monitor.report().counts).toMatchObject({ connected: 5, disconnected: 4 });
    expect(monitor.events.at(-1)).toMatchObject({ name: 'connected', event: { gateway: 'g1' } });
  });
});
