import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { METRICS, type MetricDeclaration } from '@carillon/telemetry';
import { eventually, missingPrometheus, startPrometheus, type TestPrometheus } from '@carillon/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../root.ts';
import { exposition } from './exposition.ts';
import { PROMETHEUS } from './files.ts';
import { only, query } from './query.ts';
import { ALERTS, RUNBOOKS } from './render-alerts.ts';
import { DASHBOARDS, INSTANCE_MATCHER } from './render-dashboards.ts';

const PANELS = DASHBOARDS.flatMap(({ title, panels }) =>
  panels.map((panel) => ({ dashboard: title, panel })),
);

/** Metrics that no panel shows, each with its reason. */
const WITHOUT_PANEL: Readonly<Record<string, string>> = {};

describe('catalogues', () => {
  it('every metric has a panel, or a reason to have none', () => {
    const shown = new Set(PANELS.flatMap(({ panel }) => panel.lines.flatMap((line) => line.query.metrics)));
    const missing = (Object.values(METRICS) as MetricDeclaration[])
      .filter((metric) => !shown.has(metric) && WITHOUT_PANEL[metric.name] === undefined)
      .map(({ name }) => name);
    expect(missing).toEqual([]);
  });

  it('every metric is measured somewhere', () => {
    const sources = globSync('{apps,packages}/*/src/**/*.ts', { cwd: ROOT })
      .filter((path) => !/\.(test|suite)\.ts$/.test(path))
      .map((path) => readFileSync(join(ROOT, path), 'utf8'))
      .join('\n');
    const unused = Object.keys(METRICS).filter((key) => !new RegExp(`METRICS\\.${key}\\b`).test(sources));
    expect(unused).toEqual([]);
  });

  it('every alert has a name of its own and a runbook that exists', () => {
    expect(new Set(ALERTS.map(({ name }) => name)).size).toBe(ALERTS.length);
    const page = readFileSync(join(ROOT, RUNBOOKS), 'utf8');
    for (const { name } of ALERTS) expect(page).toContain(`\n## ${name}\n`);
  });

  it('alerts name metrics, pages and settings that exist', () => {
    const names = new Set((Object.values(METRICS) as MetricDeclaration[]).map(({ name }) => name));
    for (const { name, causes, means, act } of ALERTS) {
      const text = `${means} ${causes} ${act}`;
      for (const [metric] of text.matchAll(/carillon_[a-z_]+/g)) expect(names, name).toContain(metric);
      for (const [page] of text.matchAll(/docs\/[\w/-]+\.md/g))
        expect(existsSync(join(ROOT, page)), page).toBe(true);
    }
  });

  it('titles of panels and dashboards are their own', () => {
    for (const { panels } of DASHBOARDS) {
      const titles = panels.map(({ title }) => title);
      expect(new Set(titles).size).toBe(titles.length);
    }
    expect(new Set(DASHBOARDS.map(({ uid }) => uid)).size).toBe(DASHBOARDS.length);
  });

  it('a label that a metric does not have is refused', () => {
    expect(() => only(METRICS.connections, { code: '1006' })).toThrow('carillon_connections: no label code');
    expect(() => query`sum by (code) (${METRICS.connections})`).toThrow('no label code');
    expect(query`rate(${only(METRICS.closesTotal, { code: '!~1000|1001' })}[1m])`.text('a="b"')).toBe(
      'rate(carillon_connections_closed_total{code!~"1000|1001",a="b"}[1m])',
    );
  });
});

const promtool = (...args: string[]) =>
  spawnSync('promtool', args, { cwd: join(ROOT, PROMETHEUS), encoding: 'utf8' });
const missing = missingPrometheus();
if (missing !== undefined) process.stdout.write(`Alerts and panels are not tried: ${missing}\n`);

describe.skipIf(missing !== undefined)('with promtool', () => {
  it('every alert fires when it should and only then', () => {
    const { status, stdout, stderr } = promtool('test', 'rules', 'carillon-rules.test.yaml');
    expect(status, stdout + stderr).toBe(0);
  });

  it('an alert that does not fire would be found', () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-rules-'));
    const read = (file: string) => readFileSync(join(ROOT, PROMETHEUS, file), 'utf8');
    writeFileSync(
      join(folder, 'carillon-rules.yaml'),
      read('carillon-rules.yaml').replace('> 100000', '> 900000'),
    );
    writeFileSync(join(folder, 'test.yaml'), read('carillon-rules.test.yaml'));
    const { status, stderr } = promtool('test', 'rules', join(folder, 'test.yaml'));
    rmSync(folder, { recursive: true, force: true });
    expect(status).toBe(1);
    expect(stderr).toContain('CarillonPersistenceBehind');
  });
});

describe.skipIf(missing !== undefined)('with a Prometheus that reads every metric', () => {
  let prometheus: TestPrometheus;
  let count = 1;
  const service = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(exposition(count++));
  });

  beforeAll(async () => {
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    prometheus = await startPrometheus([`127.0.0.1:${(service.address() as AddressInfo).port}`]);
    // So often that there are rates.
    const scrapes = async () => (await prometheus.ask('count_over_time(carillon_connections[1m])'))[0] ?? 0;
    await eventually(async () => (await scrapes()) > 2, { what: 'it has read the metrics' });
  });
  afterAll(async () => {
    await prometheus?.stop();
    service.close();
  });

  it.each(DASHBOARDS)('every panel of "$title" has data', async ({ panels }) => {
    const empty: string[] = [];
    for (const { title, lines } of panels) {
      for (const line of lines) {
        const text = line.query
          .text(INSTANCE_MATCHER)
          .replaceAll('$instance', '.*')
          .replaceAll('$__rate_interval', '1m');
        const values = await prometheus.ask(text);
        if (values.length === 0 || values.some(Number.isNaN)) empty.push(`${title}: ${text}`);
      }
    }
    expect(empty).toEqual([]);
  });

  it('a panel of a metric that is not there has none', async () => {
    expect(await prometheus.ask('sum(rate(carillon_messages_total[1m]))')).toEqual([]);
  });
});
