import { migrate, openPglite } from '@carillon/db';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { expect, it } from 'vitest';
import { createAdmin } from './admin.ts';

it('is alive and not ready until the database has the schema of this version', async () => {
  const telemetry = createTelemetry({
    service: 'admin',
    instanceId: 'test',
    version: '0',
    levels: { level: 'silent', modules: {} },
    format: 'json',
    processMetrics: false,
  });
  const { database } = await openPglite({ dataDir: undefined }, telemetry);
  const admin = await createAdmin({
    telemetry,
    database,
    listener: { host: '127.0.0.1', port: 0 },
    token: undefined,
    console: { gatewayUrl: 'ws://127.0.0.1:8080/v1/ws' },
  });
  await admin.start();
  const get = (url: string) => admin.server.inject({ method: 'GET', url });
  const before = await get('/ready');
  expect(before.statusCode).toBe(503);
  expect(before.body).toContain('migrations are missing: 0001_messages');
  expect((await get('/health')).statusCode).toBe(200);
  await migrate(database);
  await eventually(async () => (await get('/ready')).statusCode === 200, { what: 'it is ready' });
  await admin.stop();
  await database.close();
});
