import { expect, it } from 'vitest';
import { parseUsage } from './server-usage.ts';

const TEXT = `# HELP carillon_process_cpu_seconds_total CPU time used.
carillon_process_cpu_seconds_total{mode="user"} 1.5
carillon_process_cpu_seconds_total{mode="system"} 0.5
carillon_process_memory_bytes{kind="heapUsed"} 10
carillon_process_memory_bytes{kind="rss"} 1000
`;

it('adds up user and system time and takes the resident memory', () => {
  expect(parseUsage(TEXT)).toMatchObject({ cpuSeconds: 2, rssBytes: 1000 });
});

it('finds nothing in what are no metrics', () => {
  expect(parseUsage('<html>')).toBeUndefined();
});
