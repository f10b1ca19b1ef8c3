import { EventEmitter } from 'node:events';
import { createMemoryBroker, type Publication, type Publisher } from '@carillon/broker';
import { CarillonError, decodeRecord } from '@carillon/protocol';
import { createTelemetry } from '@carillon/telemetry';
import { eventually } from '@carillon/testing';
import { describe, expect, it } from 'vitest';
import { ClientEvents } from './client-events.ts';
import type { Connection } from './connection.ts';

const telemetry = createTelemetry({
  service: 'gateway',
  instanceId: 'g1',
  version: '0',
  levels: { level: 'silent', modules: {} },
  format: 'json',
  processMetrics: false,
});

/** The parts of a connection that client events read. */
function client(connectionId: string, userId: string | undefined) {
  const webSocket = new EventEmitter();
  const identity = { app: 'demo', userId, capabilities: {} };
  return { connection: { connectionId, identity, webSocket } as unknown as Connection, webSocket };
}

describe('events of clients', () => {
  it('puts the coming and the going into the log, in this order, also when the log is away for a moment', async () => {
    const broker = createMemoryBroker();
    await broker.start();
    let failures = 3;
    const publisher: Pick<Publisher, 'publish'> = {
      publish: async (publications: readonly Publication[]) =>
        publications[0]!.id === 'g1-c1-in' && failures-- > 0
          ? publications.map(() => ({ status: 'refused' as const, error: new CarillonError('UNAVAILABLE') }))
          : await broker.publisher.publish(publications),
    };
    const events = new ClientEvents({ gateway: 'g1', publisher, nowMs: () => broker.nowMs(), telemetry });
    const { connection, webSocket } = client('g1-c1', 'ada');
    events.connected(connection);
    webSocket.emit('close', 4002);
    // A stop waits two seconds: too short for three pauses, when the machine is busy, but not for what is left of the last one.
    await eventually(() => failures <= 0, { what: 'the log has refused as often as it will' });
    await events.stop();
    const entries = await broker.log.read('c', { count: 9, blockMs: 1 });
    expect(entries.map(({ channel }) => channel)).toEqual(['demo/#clients.g1', 'demo/#clients.g1']);
    const told = entries.map(({ record }) => decodeRecord(record));
    expect(told.map(({ header }) => header.event)).toEqual(['client.connected', 'client.disconnected']);
    expect(JSON.parse(told[1]!.payload)).toEqual({
      connection: 'g1-c1',
      gateway: 'g1',
      user: 'ada',
      connectedAt: expect.any(Number),
      disconnectedAt: expect.any(Number),
      code: 4002,
    });
    await broker.stop();
  });

  it('does not hold up a stop for a log that stays away, nor keep what is refused for good', async () => {
    const refused: string[] = [];
    const publisher: Pick<Publisher, 'publish'> = {
      publish: async (publications: readonly Publication[]) => {
        refused.push(...publications.map(({ id }) => id));
        return publications.map(() => ({
          status: 'refused' as const,
          error: new CarillonError('PERMISSION_DENIED'),
        }));
      },
    };
    const events = new ClientEvents({ gateway: 'g1', publisher, nowMs: Date.now, telemetry });
    events.connected(client('g1-c1', undefined).connection);
    await events.stop();
    expect(refused).toEqual(['g1-c1-in']);
  });
});
