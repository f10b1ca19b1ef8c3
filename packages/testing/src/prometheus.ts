import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './backend.ts';
import { freePort } from './free-port.ts';
import { startProcess } from './server-process.ts';

export interface TestPrometheus {
  /** Values of the series that a query has now. @throws Error with what Prometheus says of a wrong query */
  ask(expression: string): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** Why tests with Prometheus are skipped; `undefined` when it is installed. */
export function missingPrometheus(): string | undefined {
  const missing = ['prometheus', 'promtool'].filter((name) => findProgram(name) === undefined);
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found: apt-get install prometheus`;
}

/** A Prometheus that reads these addresses (`127.0.0.1:9090`) twice a second. */
export async function startPrometheus(targets: readonly string[]): Promise<TestPrometheus> {
  const program = findProgram('prometheus');
  if (program === undefined) throw new Error(missingPrometheus());
  const [port, folder] = [await freePort(), await mkdtemp(join(tmpdir(), 'carillon-prometheus-'))];
  const file = join(folder, 'prometheus.yml');
  // JSON is YAML.
  const settings = {
    global: { scrape_interval: '500ms', scrape_timeout: '500ms' },
    scrape_configs: [{ job_name: 'carillon', static_configs: [{ targets }] }],
  };
  await writeFile(file, JSON.stringify(settings));
  const url = `http://127.0.0.1:${port}`;
  const server = await startProcess({
    command: program,
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    readyUrl: `${url}/-/ready`,
  });
  return {
    async ask(expression) {
      const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`);
      const body = (await response.json()) as Answer;
      if (body.data === undefined) throw new Error(`${expression}: ${body.error}`);
      return body.data.result.map(({ value }) => Number(value[1]));
    },
    async stop() {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Answer {
  readonly error?: string;
  readonly data?: { readonly result: readonly { readonly value: readonly [number, string] }[] };
}
