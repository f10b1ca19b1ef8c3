/** Gateways stamp with the clock that they share, not with that of their machine. */
import { createMemoryBroker } from '@carillon/broker';
import type { PongFrame, RefreshedFrame } from '@carillon/protocol';
import { afterEach, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

const AHEAD_MS = 7_200_000;

let gateway: RunningGateway;
afterEach(() => gateway.stop());

it('[MS3] what a gateway stamps has the time of the broker', async () => {
  const memory = createMemoryBroker();
  await memory.start();
  const broker = { ...memory, nowMs: () => Date.now() + AHEAD_MS };
  gateway = await startGateway({}, broker);
  const sinceMs = Date.now() + AHEAD_MS;
  const peer = await BarePeer.join(gateway.port, 'ada');
  const pong = await peer.ask<PongFrame>({ type: 'ping', timestamp: 1 });
  const refreshed = await peer.ask<RefreshedFrame>({ type: 'refresh', token: await tokenOf('ada') });
  const connected = peer.frames.find((frame) => frame.type === 'connected')!;
  const stamps = [connected.timestamp, pong.serverTime, refreshed.timestamp];
  const untilMs = Date.now() + AHEAD_MS;
  for (const stamp of stamps) {
    expect(stamp).toBeGreaterThanOrEqual(sinceMs);
    expect(stamp).toBeLessThanOrEqual(untilMs);
  }
  peer.socket.terminate();
});
