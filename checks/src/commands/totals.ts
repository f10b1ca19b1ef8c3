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
    /** Absolute path of the file. */
    readonly name?: string;
    readonly status: string;
    /** Why a file could not be loaded or set up. */
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName?: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** A failed test as it is told again at the end, where it can be seen. */
export interface Failure {
  /** Absolute path; empty when the report does not name it. */
  readonly file: string;
  /** Empty: the file itself. */
  readonly test: string;
  /** At most {@link MAX_REASON_LINES} lines. */
  readonly reason: string;
}

const MAX_REASON_LINES = 12;

export function failuresOf(report: VitestReport): readonly Failure[] {
  return report.testResults.flatMap(({ name = '', status, message = '', assertionResults }) => {
    const failed = assertionResults.filter((result) => result.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [failure(name, '', message)] : [];
    return failed.map(({ fullName = '', failureMessages = [] }) =>
      failure(name, fullName, failureMessages.join('\n')),
    );
  });
}

function failure(file: string, test: string, message: string): Failure {
  return { file, test, reason: message.split('\n').slice(0, MAX_REASON_LINES).join('\n') };
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
  readonly failures: readonly Failure[];
  /** Packages that left no report: their test run crashed, or never started. Each counts as one failure. */
  readonly missing: readonly string[];
}

/** @param folders absolute paths of the packages that should have been tested */
export function addReports(folders: readonly string[]): AddedReports {
  const missing = folders.filter((folder) => !existsSync(reportPath(folder)));
  const reports = folders
    .filter((folder) => !missing.includes(folder))
    .map((folder) => JSON.parse(readFileSync(reportPath(folder), 'utf8')) as VitestReport);
  const totals = reports.map(totalsOf).reduce(
    (sum, next) => ({
      passed: sum.passed + next.passed,
      failed: sum.failed + next.failed,
      skipped: sum.skipped + next.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );
  return {
    totals: { ...totals, failed: totals.failed + missing.length },
    failures: reports.flatMap(failuresOf),
    missing,
  };
}
