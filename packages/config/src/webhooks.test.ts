import { describe, expect, it } from 'vitest';
import { ConfigError } from './config-error.ts';
import { webhookEndpoints, webhooksKind } from './webhooks.ts';

const ORDERS = {
  name: 'orders',
  url: 'https://example.com/hook',
  events: ['message.published' as const],
  secrets: ['0123456789abcdef'],
};

describe('CARILLON_WEBHOOKS', () => {
  it('completes what is not given', () => {
    expect(webhookEndpoints([{ ...ORDERS, timeoutMs: '2s' }])).toEqual([
      {
        ...ORDERS,
        apps: undefined,
        namespaces: undefined,
        ordered: false,
        timeoutMs: 2000,
        attempts: 10,
        backoffMs: 1000,
        maxBackoffMs: 3_600_000,
        maxAgeMs: 86_400_000,
        maxPending: 100_000,
        concurrency: 8,
      },
    ]);
  });

  it('names every fault at once, and no secret', () => {
    const text = JSON.stringify([
      { ...ORDERS, url: 'ftp://example.com', secrets: ['too-short-x'], attempts: 0 },
      { ...ORDERS, events: ['message.eaten'], urls: 1, url: 'https://me:pw@example.com' },
    ]);
    const parsed = webhooksKind.parse(text);
    if (!('fault' in parsed)) throw new Error('it was taken');
    for (const member of ['0.url', '0.secrets.0', '0.attempts', '1.events.0', '1: ', '1.url'])
      expect(parsed.fault).toContain(member);
    expect(parsed.fault).not.toContain('too-short-x');
    expect(webhooksKind.parse('[{"secrets": "0123456789abcdef')).toEqual({ fault: 'it is not JSON' });
    expect(() => webhookEndpoints([ORDERS, ORDERS])).toThrow(ConfigError);
    expect(() => webhookEndpoints([ORDERS, ORDERS])).toThrow(/"orders" is there twice/);
  });
});
