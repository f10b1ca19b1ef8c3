import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CATALOGUE, commandLineSettings, singleProcessSettings } from '@carillon/config';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ROOT } from '../root.ts';
import { charts, HELM, PORTS } from './charts.ts';
import { outdatedFiles } from './files.ts';
import { allSettings, groupsOf, MANAGED, SERVICES, settingsOf } from './settings.ts';
import { isSection, type Members } from './value.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

describe('what is generated for the charts', () => {
  it('is what the declarations give', () => {
    expect(outdatedFiles(), 'run: npm run test:charts -- --write').toEqual([]);
  });

  it('describes every value', () => {
    const undescribed = (members: Members): string[] =>
      Object.entries(members).flatMap(([name, node]) => [
        ...(/\.$/.test(node.description) ? [] : [name]),
        ...(isSection(node) ? undescribed(node.members) : []),
      ]);
    for (const { values } of charts()) expect(undescribed(values)).toEqual([]);
  });
});

describe('settings', () => {
  it('have a value in the chart of every service that reads them, or are set by the chart', () => {
    const elsewhere: readonly unknown[] = [singleProcessSettings, commandLineSettings];
    const ofServices = CATALOGUE.filter((group) => !elsewhere.includes(group));
    const variables = ofServices.flatMap((group) =>
      Object.values(group.settings).map(({ variable }) => variable),
    );
    const named = allSettings().map(({ setting }) => setting.variable);
    expect(new Set([...named, ...Object.keys(MANAGED)])).toEqual(new Set(variables));
  });

  it('have names of their own', () => {
    for (const service of SERVICES) {
      const names = settingsOf(service).map(({ name }) => name);
      expect(new Set(names).size, service).toBe(names.length);
    }
  });

  it('are read from the tables of the services', () => {
    expect(Object.keys(groupsOf('gateway'))).toContain('limits');
    expect(Object.keys(groupsOf('router'))).not.toContain('database');
  });
});

describe('facts that the charts repeat', () => {
  const constant = (path: string, name: string) => {
    const text = new RegExp(`const ${name} = ([\\d_]+);`).exec(read(path))?.[1];
    if (text === undefined) throw new Error(`${path} has no constant ${name}`);
    return Number(text.replaceAll('_', ''));
  };
  const template = (name: string) => {
    const timing = read(`${HELM}/carillon-library/templates/_timing.tpl`);
    return Number(new RegExp(`define "carillon.${name}" -\\}\\}(\\d+)`).exec(timing)?.[1]);
  };

  it('the time that a gateway takes to send its clients away', () => {
    const gateway = 'apps/gateway/src/gateway.ts';
    const drainMs = constant(gateway, 'DRAIN_TIMEOUT_MS');
    const settleMs = constant(gateway, 'SETTLE_TIMEOUT_MS');
    const httpMs = constant(gateway, 'HTTP_DRAIN_TIMEOUT_MS');
    expect(read(gateway)).toContain(
      'AT_ONCE_TIMEOUT_MS = Math.max(2 * DRAIN_TIMEOUT_MS + SETTLE_TIMEOUT_MS, HTTP_DRAIN_TIMEOUT_MS) + 1000',
    );
    expect(template('clientsStopSeconds') * 1000).toBe(Math.max(2 * drainMs + settleMs, httpMs) + 1000);
  });

  it('the time over which clients come back', () => {
    const spreadMs = constant('apps/gateway/src/session/connections.ts', 'RECONNECT_SPREAD_MS');
    expect(template('reconnectSpreadSeconds') * 1000).toBe(spreadMs);
  });

  it('ports', () => {
    const table = /const SERVICES = \{([\s\S]*?)\n\};/.exec(read('infra/docker/bundle.mjs'))?.[1] ?? '';
    const ports = Object.fromEntries(
      [...table.matchAll(/(\w+): \{ port: (\d+)/g)].map(([, name, port]) => [name, Number(port)]),
    );
    // The table has the command line as well, which has no image.
    expect(ports).toMatchObject(
      Object.fromEntries(SERVICES.map((service) => [service, PORTS[service].port])),
    );
  });

  it('versions, one for all', () => {
    const { version } = JSON.parse(read('package.json'));
    for (const path of globSync(`${HELM}/*/Chart.yaml`, { cwd: ROOT })) {
      const chart = parse(read(path));
      expect([path, chart.version, chart.appVersion]).toEqual([path, version, version]);
      for (const dependency of chart.dependencies ?? []) {
        expect(dependency.version).toBe(version);
        expect(existsSync(join(ROOT, path, '../charts', dependency.name, 'Chart.yaml'))).toBe(true);
      }
    }
  });
});

describe('unit tests of the charts', () => {
  const suites = globSync(`${HELM}/*/tests/*_test.yaml`, { cwd: ROOT }).map(read).join('\n');

  it('have one for every text with which values are refused', () => {
    const templates = globSync(`${HELM}/*/templates/**/*.{tpl,yaml}`, { cwd: ROOT }).map(read).join('\n');
    const texts = [
      ...templates.matchAll(/(?:append \$(?:faults|losses) (?:\(printf )?|fail )"(?:\\n)*([^"]+)"/g),
    ];
    expect(texts.length).toBeGreaterThan(20);
    const quotes = [...suites.matchAll(/errorPattern: (.+) \}/g)].map(([, pattern = '']) => pattern);
    const untested = texts.map(([, text = '']) => text).filter((text) => !isQuoted(text, quotes));
    expect(untested).toEqual([]);
  });
});

/** Do three consecutive words of a test's pattern stand in the text? */
function isQuoted(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    const words = pattern.replaceAll(/[\\"]/g, '').split(/\s+/);
    return words.some((_, at) => at + 3 <= words.length && text.includes(words.slice(at, at + 3).join(' ')));
  });
}
