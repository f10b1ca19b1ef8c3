import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chartToolsFolder } from '../../../bootstrap/chart-tools.mjs';
import { ROOT } from '../root.ts';
import { HELM } from './charts.ts';

export type Program = 'helm' | 'kubeconform' | 'helm-unittest';

/** Why the tests that need the programs are left out; `undefined` when they are there. */
export function missingTools(): string | undefined {
  return existsSync(chartToolsFolder())
    ? undefined
    : 'helm, kubeconform and helm-unittest are not in .tools/: `npm run test:charts` builds them where Go is installed';
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  /** Without Helm's notes about the links by which charts have their neighbours. */
  readonly stderr: string;
}

/** Runs one of the programs in the folder of the charts. */
export function runTool(program: Program, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: join(ROOT, HELM), maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(join(chartToolsFolder(), program), args, options, (error, stdout, stderr) => {
      const told = stderr.replaceAll(/^.*found symbolic link.*\n/gm, '');
      resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr: told });
    });
    child.stdin?.end(input);
  });
}

/** The versions that infra/helm/schemas has. */
export const KUBERNETES_VERSIONS = ['1.34.4', '1.37.2'] as const;

/** The manifests of a chart with these values. @throws Error with what Helm said */
export async function render(chart: string, args: readonly string[], version: string): Promise<string> {
  const { status, stdout, stderr } = await runTool('helm', [
    ...['template', 'release', chart, '--kube-version', version, '--namespace', 'carillon'],
    ...args,
  ]);
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** Faults found by kubeconform; empty when there are none. */
export async function invalidParts(manifests: string, version: string): Promise<string> {
  const schemas = [
    '{{.NormalizedKubernetesVersion}}/{{.ResourceKind}}{{.KindSuffix}}.json',
    'crds/{{.ResourceKind}}{{.KindSuffix}}.json',
  ].flatMap((path) => ['-schema-location', join(ROOT, HELM, 'schemas', path)]);
  const { status, stdout, stderr } = await runTool(
    'kubeconform',
    ['-strict', '-kubernetes-version', version, ...schemas, '-'],
    manifests,
  );
  return status === 0 ? '' : `${stdout}${stderr}`;
}
