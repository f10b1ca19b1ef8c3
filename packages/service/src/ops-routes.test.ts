import { METRICS } from '@carillon/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Health } from './health.ts';
import { createHttpServer } from './http-server.ts';
import { registerOpsRoutes } from './ops-routes.ts';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';

const { telemetry } = recordedTelemetry('router');
telemetry.metrics.counter(METRICS.routedMessages).add(7);

let health: Health;
let server: ReturnType<typeof createHttpServer>;
beforeEach(() => {
  health = new Health();
  server = createHttpServer(telemetry);
  registerOpsRoutes(server, telemetry, health);
});
afterEach(async () => {
  await server.close();
});

const get = (url: string, headers: Record<string, string> = {}) => server.inject({ url, headers });

describe('/ready', () => {
  it('is 200 when all is well, and degraded while something fails that can be done without', async () => {
    const well = await get('/ready');
    expect([well.statusCode, well.json().status]).toEqual([200, 'ready']);
    health.add('history', () => 'away', { affects: 'nothing' });
    const degraded = await get('/ready');
    expect([degraded.statusCode, degraded.json().status]).toEqual([200, 'degraded']);
  });

  it('is 503 with the checks that fail and why', async () => {
    health.add('redis', async () => {
      throw new Error('ECONNREFUSED');
    });
    const response = await get('/ready');
    expect(response.statusCode).toBe(503);
    expect(response.headers['cache-control']).toBe('no-store');
    expect(response.json()).toEqual({
      status: 'not ready',
      service: 'router',
      instance: 'router-1',
      version: '0.0.0',
      uptimeSeconds: expect.any(Number),
      checks: { redis: { ok: false, problem: 'ECONNREFUSED' } },
    });
  });
});

describe('/health', () => {
  it('is 200 although Redis is away, and 503 when only a restart helps', async () => {
    health.add('redis', async () => 'away');
    const alive = await get('/health');
    expect([alive.statusCode, alive.json().status]).toEqual([200, 'ok']);
    health.add('loop reader', () => 'given up', { affects: 'live' });
    const failed = await get('/health');
    expect([failed.statusCode, failed.json().status]).toEqual([503, 'failed']);
    expect(failed.json().checks).toEqual({
      'loop reader': { ok: false, problem: 'given up', affects: 'live' },
    });
  });
});

describe('/metrics', () => {
  it('is Prometheus text for Prometheus and for a person without wishes', async () => {
    for (const accept of [
      '*/*',
      'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5',
    ]) {
      const response = await get('/metrics', { accept });
      expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(response.body).toContain('\ncarillon_router_messages_total 7\n');
    }
  });

  it.each([
    ['/metrics', { accept: 'application/json' }],
    ['/metrics.json', {}],
  ])('is JSON at %s with %o', async (url, headers: Record<string, string>) => {
    const response = await get(url, headers);
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(response.json().carillon_router_messages_total).toEqual({
      type: 'counter',
      help: METRICS.routedMessages.help,
      samples: [{ labels: {}, value: 7 }],
    });
  });
});
