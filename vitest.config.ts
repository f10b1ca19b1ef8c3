import { defineConfig } from 'vitest/config';

/** Shared by every package's `test` script; the JSON report is what `npm test` adds its totals up from. */
export default defineConfig({
  test: {
    include: ['**/*.test.ts', '**/*.test.tsx'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/.reports/**'],
    passWithNoTests: true,
    reporters: ['default', ['json', { outputFile: '.reports/vitest.json' }]],
    // Two packages are tested at a time on what may be a two-core machine.
    maxWorkers: 2,
    // A bound for what hangs, far above what a busy machine needs; nothing is measured with it.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } },
  },
});
