import { spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { loadConfig, processSettings } from '@carillon/config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupsOf, SERVICES } from '../charts/settings.ts';
import { ROOT } from '../root.ts';

const FOLDER = join(ROOT, 'infra/systemd');
const UNITS = globSync('*.service', { cwd: FOLDER });
const ANALYZE = 'systemd-analyze';
/** Of `systemd-analyze security`, from 0 (nothing is exposed) to 10. */
const MAX_EXPOSURE = 2;

const read = (file: string) => readFileSync(join(FOLDER, file), 'utf8');
const valuesOf = (unit: string, key: string) =>
  [...read(unit).matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
const pairOf = (line: string): [string, string] => {
  const at = line.indexOf('=');
  return [line.slice(0, at), line.slice(at + 1).replace(/^'(.*)'$/, '$1')];
};

/** Contents of the units' credentials. */
const SECRETS: Readonly<Record<string, string>> = {
  'redis-url': 'redis://:password@redis:6379',
  'database-url': 'postgres://carillon:password@postgres:5432/carillon',
  'jwt-secret': 'c2VjcmV0LW9mLXRoZS10ZXN0cy1vZi10aGUtdW5pdHM',
  'admin-token': 'token-of-the-tests-of-the-units',
};

describe('systemd units', () => {
  it.each(SERVICES)('give the %s variables that it knows and takes', (service) => {
    const unit = UNITS.find((file) => file.startsWith(`carillon-${service}`)) ?? '';
    const own = valuesOf(unit, 'Environment').map((line) =>
      pairOf(line.replaceAll('%i', '8080').replaceAll('%d', '/run/credentials')),
    );
    const shared = read('carillon.env.example')
      .split('\n')
      .filter((line) => line.startsWith('CARILLON_'))
      .map(pairOf);
    const env = Object.fromEntries([...own, ...shared]);
    const { warnings } = loadConfig(groupsOf(service), env, {
      readFile: (path) => SECRETS[basename(path)] ?? '',
    });
    expect(warnings).toEqual([]);
  });

  it.each(UNITS)('%s gives a path for each secret that it loads', (unit) => {
    const loaded = valuesOf(unit, 'LoadCredential').map((line) => line.split(':')[0]);
    const given = valuesOf(unit, 'Environment').flatMap((line) => /@%d\/(.+)$/.exec(line)?.[1] ?? []);
    expect(given).toEqual(loaded);
    expect(loaded.length).toBeGreaterThan(0);
  });

  it.each(UNITS.filter((unit) => !unit.includes('migrate')))(
    '%s is killed only after its own deadline',
    (unit) => {
      const { config } = loadConfig({ process: processSettings }, {});
      expect(Number(valuesOf(unit, 'TimeoutStopSec')[0]) * 1000).toBeGreaterThan(
        config.process.shutdownTimeoutMs,
      );
    },
  );
});

const analyze = spawnSync(ANALYZE, ['--version'], { encoding: 'utf8' });
const missing = analyze.status === 0 ? undefined : `${ANALYZE} is not installed`;
if (missing !== undefined) process.stdout.write(`systemd units are not verified: ${missing}\n`);

describe.skipIf(missing !== undefined)('systemd-analyze', () => {
  let folder: string;
  const instanceOf = (unit: string) => unit.replace('@.', '@8080.');

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'carillon-units-'));
    for (const unit of [...UNITS, 'carillon.target']) {
      // It looks whether the program is there.
      const text = read(unit).replaceAll('/usr/bin/node', process.execPath);
      writeFileSync(join(folder, unit), text);
      if (unit.includes('@')) cpSync(join(folder, unit), join(folder, instanceOf(unit)));
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const verify = (...units: string[]) => {
    const { status, stderr } = spawnSync(ANALYZE, ['verify', '--man=no', ...units], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status, stderr };
  };

  it('finds nothing wrong', () => {
    expect(verify(...UNITS.map(instanceOf), 'carillon.target')).toEqual({ status: 0, stderr: '' });
  });

  it('would find a directive that does not exist', () => {
    writeFileSync(join(folder, 'wrong.service'), '[Service]\nExecStart=/bin/true\nProtectSystems=strict\n');
    expect(verify('wrong.service').stderr).toContain('ProtectSystems');
  });

  it.each(UNITS)('%s exposes little', (unit) => {
    const { stdout } = spawnSync(ANALYZE, ['security', '--offline=true', `./${instanceOf(unit)}`], {
      cwd: folder,
      encoding: 'utf8',
    });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]);
    expect(exposure).toBeLessThan(MAX_EXPOSURE);
  });
});
