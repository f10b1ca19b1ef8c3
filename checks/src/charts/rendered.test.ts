import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ConfigError, loadConfig } from '@carillon/config';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../root.ts';
import { charts, HELM } from './charts.ts';
import { type EnvironmentVariable, serviceContainers } from './manifests.ts';
import { groupsOf, SERVICES, type Service } from './settings.ts';
import { invalidParts, KUBERNETES_VERSIONS, missingTools, render, runTool } from './tools.ts';

const missing = missingTools();
if (missing !== undefined) process.stdout.write(`Tests of rendered charts are left out: ${missing}\n`);

const NAMES = charts().map(({ name }) => name);
const CASES = globSync(`${HELM}/*/ci/*-values.yaml`, { cwd: ROOT }).map((path) => {
  const [, , chart = '', , file = ''] = path.split('/');
  return { chart, file, path: join(ROOT, path) };
});

/** Contents of the mounted files, by the name of the key. */
const FILES: Readonly<Record<string, string>> = {
  'redis-url': 'redis://:password@redis:6379',
  url: 'rediss://:password@redis:6379',
  'database-url': 'postgres://carillon:password@postgres:5432/carillon',
  uri: 'postgres://carillon:password@postgres:5432/carillon',
  'jwt-secret': 'c2VjcmV0LW9mLXRoZS10ZXN0cy1vZi10aGUtY2hhcnRz',
  'admin-token': 'token-of-the-tests-of-the-charts',
  token: 'token-of-the-tests-of-the-charts',
  'endpoints.json': '[]',
};

/** The variables of a container as its service would read them, and what it would complain of. */
function complaints(service: Service, env: readonly EnvironmentVariable[]): readonly string[] {
  const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const known = Object.values(groupsOf(service)).flatMap((group) =>
    Object.values(group.settings).map(({ variable }) => variable),
  );
  const unknown = env
    .filter(({ name }) => /^(CARILLON|OTEL)_/.test(name) && !known.includes(name))
    .map(({ name }) => `${name} is not a variable of the ${service}`);
  try {
    loadConfig(groupsOf(service), variables, { readFile: (path) => FILES[basename(path)] ?? '' });
    return unknown;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Certificates are read when the service starts; here there are none.
    const wrong = error.problems.filter(
      (problem) => !problem.variables.some((name) => name.includes('_TLS_')),
    );
    return [...unknown, ...wrong.map(({ message }) => message)];
  }
}

const serviceOf = (image: string): Service =>
  SERVICES.find((service) => image.includes(`carillon/${service}`)) ?? 'gateway';

describe.skipIf(missing !== undefined)('rendered charts', () => {
  it.each(CASES)(
    '$chart with $file are valid, and their services take the environment',
    async ({ chart, path }) => {
      const manifests = await render(chart, ['--values', path], KUBERNETES_VERSIONS[0]);
      for (const version of KUBERNETES_VERSIONS)
        expect(await invalidParts(manifests, version), version).toBe('');
      const containers = serviceContainers(manifests);
      expect(containers.length).toBeGreaterThan(0);
      for (const { image, env = [] } of containers)
        expect(complaints(serviceOf(image), env), image).toEqual([]);
    },
  );

  it('a variable that no service knows, or a value it refuses, is found', () => {
    const env = [
      { name: 'CARILLON_REDIS_URL', value: '@/redis-url' },
      { name: 'CARILLON_PARTITION', value: '3' },
      { name: 'CARILLON_LEASE_TTL_MS', value: '1e+06' },
    ];
    const found = complaints('router', env);
    expect(found[0]).toBe('CARILLON_PARTITION is not a variable of the router');
    expect(found[1]).toContain('CARILLON_LEASE_TTL_MS');
  });

  it('a member that Kubernetes does not know is found', async () => {
    const manifest = await render(
      'carillon-router',
      [
        '--set',
        'global.existingSecret=carillon',
        '--set',
        'patches[0].kind=Deployment,patches[0].merge.spec.replica=2',
      ],
      KUBERNETES_VERSIONS[0],
    );
    for (const version of KUBERNETES_VERSIONS)
      expect(await invalidParts(manifest, version)).toContain("'replica' not allowed");
  });

  it('a Secret is all that the umbrella chart needs', async () => {
    const manifests = await render(
      'carillon',
      ['--set', 'global.existingSecret=carillon'],
      KUBERNETES_VERSIONS[1],
    );
    const images = serviceContainers(manifests).map(({ image }) => image);
    for (const service of SERVICES) expect(images).toContain(`carillon/${service}:0.1.0`);
  });

  it.each(NAMES)('helm lint has no complaint about %s', async (chart) => {
    const { status, stdout } = await runTool('helm', [
      ...['lint', '--strict', chart, '--set', 'global.existingSecret=carillon'],
      ...['--kube-version', KUBERNETES_VERSIONS[0]],
    ]);
    expect([status, stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
  });

  it.each(NAMES)('the unit tests of %s pass', async (chart) => {
    const { status, stdout, stderr } = await runTool('helm-unittest', [
      '--strict',
      '--with-subchart=false',
      chart,
    ]);
    expect(status, stdout + stderr).toBe(0);
    expect(Number(/Tests:\s+(\d+) passed/.exec(stdout)?.[1])).toBeGreaterThan(0);
  });

  it('are packaged with the charts that they depend on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'carillon-charts-'));
    try {
      const packed = await runTool('helm', ['package', 'carillon', '--destination', folder]);
      expect(packed.status, packed.stderr).toBe(0);
      const manifests = await render(
        join(folder, 'carillon-0.1.0.tgz'),
        ['--set', 'global.existingSecret=carillon'],
        KUBERNETES_VERSIONS[1],
      );
      expect(serviceContainers(manifests).length).toBe(5);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
