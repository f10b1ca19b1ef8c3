import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { type BenchReport, reportText } from './report.ts';

const slow = { count: 1_900, min: 1.12, avg: 1067, p50: 1044, p95: 1214, p99: 12_430, max: 12_560 };
const report: BenchReport = {
  url: 'http://127.0.0.1:8080',
  plan: {
    clients: 20_000,
    channels: Array.from({ length: 100 }, (_, i) => `bench:${i}`),
    publishers: 100,
    ratePerSecond: 50,
    payloadBytes: 65_536,
    durationMs: 8_000,
    rampUpMs: 0,
  },
  seconds: 3_600,
  interrupted: true,
  connected: 20_000,
  disconnected: 3,
  failed: 2,
  published: { accepted: 1_000_038, refused: 12_345, unanswered: 12_345, perSecond: 46 },
  delivered: { count: 1_900_000, perSecond: 123_319 },
  lost: 1_000,
  duplicated: 1_000,
  reordered: 1_000,
  deliveryMs: slow,
  connectMs: { ...slow, min: 872 },
  server: { cpuUsPerDelivery: 100.8, rssBytes: 445 * 2 ** 20 },
  grade: 'excellent',
  problems: [],
};
const lines = (of: BenchReport) => stripVTControlCharacters(reportText(of)).split('\n');

it('fits a terminal of 80 columns, with or without metrics of the gateway', () => {
  for (const line of [...lines(report), ...lines({ ...report, server: undefined })])
    expect([line, line.length <= 80]).toEqual([line, true]);
});

it('puts each latency under its name', () => {
  const [names, delivery, connecting] = lines(report).slice(4, 7) as [string, string, string];
  for (const [name, ofDelivery, ofConnecting] of [
    ['min', '1.12 ms', '872 ms'],
    ['p99', '12430 ms', '12430 ms'],
  ] as const) {
    const end = names.indexOf(name) + name.length;
    expect(delivery.slice(0, end)).toMatch(new RegExp(` ${ofDelivery}$`));
    expect(connecting.slice(0, end)).toMatch(new RegExp(` ${ofConnecting}$`));
  }
});
