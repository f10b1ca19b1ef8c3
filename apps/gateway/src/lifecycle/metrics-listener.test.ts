import { freePort } from '@carillon/testing';
import { afterEach, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
afterEach(() => gateway.stop());

const statusOf = async (port: number, path: string): Promise<number> =>
  (await fetch(`http://127.0.0.1:${port}${path}`)).status;

it('metrics have a port of their own by choice, and are not with the clients then', async () => {
  const port = await freePort();
  gateway = await startGateway({ CARILLON_GATEWAY_METRICS_PORT: String(port) });
  for (const path of ['/metrics', '/metrics.json', '/health/websocket']) {
    expect([path, await statusOf(port, path)]).toEqual([path, 200]);
    expect([path, await statusOf(gateway.port, path)]).toEqual([path, 404]);
  }
  for (const path of ['/health', '/ready'])
    expect([await statusOf(port, path), await statusOf(gateway.port, path)]).toEqual([200, 200]);
  expect(await statusOf(port, '/v1/channels/a/messages')).toBe(404);
});
