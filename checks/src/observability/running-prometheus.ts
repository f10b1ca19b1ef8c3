import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { exposition } from './exposition.ts';

export interface RunningPrometheus {
  /** Number of series that a query has. */
  ask(expression: string): Promise<number>;
  stop(): Promise<void>;
}

/** A Prometheus that reads every metric of the catalogue twice a second, from a port of its own. */
export async function startPrometheus(): Promise<RunningPrometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'carillon-prometheus-'));
  let count = 1;
  const service = createServer((_request, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4').end(exposition(count++));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const target = `127.0.0.1:${(service.address() as AddressInfo).port}`;
  const scrape = { job_name: 'carillon', static_configs: [{ targets: [target] }] };
  writeFileSync(
    join(folder, 'prometheus.yml'),
    JSON.stringify({
      global: { scrape_interval: '500ms', scrape_timeout: '500ms' },
      scrape_configs: [scrape],
    }),
  );
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  const ask = async (expression: string): Promise<number> => {
    const query = new URLSearchParams({ query: expression });
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/query?${query}`);
    const body = (await response.json()) as { error?: string; data?: { result: readonly unknown[] } };
    if (body.data === undefined) throw new Error(`${expression}: ${body.error}`);
    return body.data.result.length;
  };
  const started = async () => {
    // Two scrapes, so that there are rates.
    while ((await ask('count_over_time(carillon_connections[1m]) > 2').catch(() => 0)) === 0) {
      if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`);
      await pause(100);
    }
  };
  await started();
  return {
    ask,
    stop: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
      service.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
