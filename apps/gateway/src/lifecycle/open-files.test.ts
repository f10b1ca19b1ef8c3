import { createTelemetry } from '@carillon/telemetry';
import { expect, it } from 'vitest';
import { withinOpenFiles } from './open-files.ts';

const LIMITS = { maxConnections: 5000, maxUnauthenticated: 2500, other: 1 };

it('all connections together are below the limit of open files, and both limits are told', () => {
  const lines: string[] = [];
  const { logger } = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    processMetrics: false,
    stream: { write: (line) => lines.push(line) },
  });
  expect(withinOpenFiles(LIMITS, undefined, logger)).toBe(LIMITS);
  expect(withinOpenFiles(LIMITS, 65_536, logger)).toBe(LIMITS);
  expect(lines).toEqual([]);
  expect(withinOpenFiles(LIMITS, 1024, logger)).toEqual({
    maxConnections: 619,
    maxUnauthenticated: 309,
    other: 1,
  });
  expect(lines.join('')).toContain('no more than 619 connections are taken, and 309 without a token');
  const few = withinOpenFiles(LIMITS, 64, logger);
  expect([few.maxConnections, few.maxUnauthenticated]).toEqual([1, 1]);
});
