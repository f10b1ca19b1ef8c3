/** CPU and memory of the gateway, from its metrics; where they can't be reached, there is none. */

const TIMEOUT_MS = 10_000;

export interface ServerUsage {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** Behind a load balancer another gateway may answer the next time: then the two can't be compared. */
  readonly instance: string;
}

/** @param url of the gateway, http(s) or ws(s) */
export async function serverUsage(url: string): Promise<ServerUsage | undefined> {
  try {
    const answer = await fetch(new URL('/metrics', url.replace(/^ws/, 'http')), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return answer.ok ? parseUsage(await answer.text()) : undefined;
  } catch {
    return undefined; // metrics are often not open to clients; the report says that there are none
  }
}

/** Reads the text format of Prometheus. */
export function parseUsage(text: string): ServerUsage | undefined {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const valuesOf = (name: string, label = ''): number[] =>
    samples
      .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  const cpu = valuesOf('carillon_process_cpu_seconds_total');
  const [rssBytes] = valuesOf('carillon_process_memory_bytes', 'kind="rss"');
  if (cpu.length === 0 || rssBytes === undefined) return undefined;
  const target = samples.find((line) => line.startsWith('target_info'));
  return {
    cpuSeconds: cpu.reduce((sum, value) => sum + value, 0),
    rssBytes,
    instance: target ?? '',
  };
}
