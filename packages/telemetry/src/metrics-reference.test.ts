import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { metricsMarkdown } from './index.ts';

it('docs/reference/metrics.md has the table of all metrics', () => {
  const page = readFileSync(new URL('../../../docs/reference/metrics.md', import.meta.url), 'utf8');
  expect(page, 'run: pnpm --filter @carillon/telemetry reference').toContain(metricsMarkdown());
});
