import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of vitest's JSON report that is added up. */
export interface VitestReport {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/**
 * A file that fails to load, or whose set-up fails, has no failed test in it; it counts as one. So does a run that
 * failed without any of that: an unhandled error.
 */
export function totalsOf(report: VitestReport): Totals {
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((result) => result.status === 'failed'),
  ).length;
  const failed = report.numFailedTests + brokenFiles;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !report.success ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** Where the `test` script of a package leaves its report. @param folder absolute path of the package */
export function reportPath(folder: string): string {
  return join(folder, '.reports', 'vitest.json');
}

export interface AddedReports {
  readonly totals: Totals;
  /** Packages that left no report: their test run crashed, or never started. Each counts as one failure. */
  readonly missing: readonly string[];
}

/** @param folders absolute paths of the packages that should have been tested */
export function addReports(folders: readonly string[]): AddedReports {
  const missing = folders.filter((folder) => !existsSync(reportPath(folder)));
  const totals = folders
    .filter((folder) => !missing.includes(folder))
    .map((folder) => totalsOf(JSON.parse(readFileSync(reportPath(folder), 'utf8')) as VitestReport))
    .reduce(
      (sum, next) => ({
        passed: sum.passed + next.passed,
        failed: sum.failed + next.failed,
        skipped: sum.skipped + next.skipped,
      }),
      { passed: 0, failed: 0, skipped: 0 },
    );
  return { totals: { ...totals, failed: totals.failed + missing.length }, missing };
}
