import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createLoggers,
  isSampled,
  isTraceparent,
  METRICS,
  Metrics,
  metricsJson,
  NO_SPANS,
  prometheusText,
  scrub,
} from './index.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

describe('traceparent', () => {
  it('takes the sampled flag from the lowest bit of the flags, for every flags value', () => {
    for (let flags = 0; flags < 256; flags++) {
      expect(isSampled(TRACE.slice(0, 53) + flags.toString(16).padStart(2, '0'))).toBe((flags & 1) === 1);
    }
  });

  it.each([
    undefined,
    '',
    TRACE.slice(1),
    `${TRACE}0`,
    TRACE.toUpperCase(),
    TRACE.replace(/^00/, 'ff'),
    TRACE.replace(/0af.*?-/, `${'0'.repeat(32)}-`),
  ])('refuses %s', (text) => {
    expect(isTraceparent(text)).toBe(false);
  });
});

describe('metrics', () => {
  it('counts a histogram cumulatively and escapes labels in the Prometheus text', () => {
    const metrics = new Metrics();
    const latency = metrics.histogram({
      type: 'histogram',
      name: 'x_seconds',
      help: 'a\nb',
      buckets: [0.1, 1],
    });
    for (const value of [0.05, 0.1, 0.5, 3]) latency.observe(value);
    metrics
      .counters({ type: 'counter', name: 'y_total', help: 'y', labels: ['why'] })
      .labels('a"b\\c')
      .add(2);
    expect(prometheusText(metrics).split('\n')).toEqual(
      expect.arrayContaining([
        '# HELP x_seconds a\\nb',
        'x_seconds_bucket{le="0.1"} 2',
        'x_seconds_bucket{le="1"} 3',
        'x_seconds_bucket{le="+Inf"} 4',
        'x_seconds_count 4',
        'y_total{why="a\\"b\\\\c"} 2',
      ]),
    );
    expect(metricsJson(metrics).x_seconds?.samples[0]).toMatchObject({
      count: 4,
      buckets: { '0.1': 2, '+Inf': 4 },
    });
  });

  it('bounds the label combinations of a metric: the rest is counted under other', () => {
    const family = new Metrics().counters({ type: 'counter', name: 'z_total', help: 'z', labels: ['id'] });
    for (let i = 0; i < 5000; i++) family.labels(`client-${i}`).add();
    const children = [...family.children()];
    expect(children.length).toBe(1001);
    expect(children.find((child) => child.values[0] === 'other')?.instrument.value).toBe(4000);
  });

  it('refuses the same name twice', () => {
    const metrics = new Metrics();
    metrics.counter(METRICS.messagesOut);
    expect(() => metrics.counter(METRICS.messagesOut)).toThrow(/twice/);
  });
});

describe('logs', () => {
  it('never holds a token, wherever in the line it stands', () => {
    const base64url = fc.stringMatching(/^[A-Za-z0-9_-]{4,60}$/);
    fc.assert(
      fc.property(base64url, base64url, base64url, (header, body, signature) => {
        const token = `eyJ${header}.${body}.${signature}`;
        for (const text of [
          token,
          `GET /v1/ws?token=${token}&x=1`,
          JSON.stringify({ headers: { authorization: `Bearer ${token}` } }),
        ]) {
          expect(scrub(text)).not.toContain(signature.length > 8 ? signature : token);
        }
      }),
    );
  });

  it('hides passwords in URLs and opaque tokens in queries', () => {
    expect(scrub('redis://user:s3cret@host:6379 ?access_token=opaque&a=1')).toBe(
      'redis://user:[redacted]@host:6379 ?access_token=[redacted]&a=1',
    );
  });

  it('scrubs every line, errors and fields of child loggers included', () => {
    const lines: string[] = [];
    const { root } = createLoggers({
      service: 's',
      instanceId: 'i',
      levels: { level: 'info', modules: {} },
      format: 'json',
      stream: { write: (line) => lines.push(line) },
    });
    const err = new Error('refused', { cause: new Error('redis://u:s3cret@h is away') });
    root
      .child({ url: '/v1/ws?token=s3cret' })
      .info({ err, headers: { authorization: 'Bearer s3cret' } }, 'x');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!).err.message).toBe('refused: redis://u:[redacted]@h is away');
    expect(lines[0]).not.toContain('s3cret');
  });

  it('writes JSON lines with text levels, at the level of the module', () => {
    const lines: string[] = [];
    const loggers = createLoggers({
      service: 's',
      instanceId: 'i',
      levels: { level: 'warn', modules: { feed: 'debug' } },
      format: 'json',
      stream: { write: (line) => lines.push(line) },
    });
    loggers.module('other').info('no');
    loggers.module('feed').debug({ connectionId: 'c1' }, 'yes');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'debug', module: 'feed', connectionId: 'c1', msg: 'yes', service: 's', instance: 'i' },
    ]);
  });
});

it('spans are one shared nothing when tracing is off', () => {
  expect(NO_SPANS.startSpan('a')).toBe(NO_SPANS.startSpan('b'));
});
