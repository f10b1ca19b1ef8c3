import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addReports, failuresOf, reportPath, totalsOf, type VitestReport } from './totals.ts';

const file = (...statuses: string[]) => ({
  status: statuses.includes('failed') ? 'failed' : 'passed',
  assertionResults: statuses.map((status) => ({ status })),
});

function report(changes: Partial<VitestReport> = {}): VitestReport {
  const nothing = {
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
  };
  return { success: true, ...nothing, ...changes };
}

describe('totals of one report', () => {
  test('skipped tests are those that are pending and those to be written', () => {
    expect(totalsOf(report({ numPassedTests: 3, numPendingTests: 2, numTodoTests: 1 }))).toEqual({
      passed: 3,
      failed: 0,
      skipped: 3,
    });
  });

  test('a file with a failed test counts by its tests', () => {
    const failed = report({
      success: false,
      numFailedTests: 2,
      testResults: [file('failed', 'failed', 'passed')],
    });
    expect(totalsOf(failed).failed).toBe(2);
  });

  test('a file that cannot be loaded counts as a failure', () => {
    const broken = { status: 'failed', assertionResults: [] };
    expect(totalsOf(report({ success: false, testResults: [broken, file('passed')] })).failed).toBe(1);
  });

  test('a run that failed outside of any test counts as a failure', () => {
    expect(
      totalsOf(report({ success: false, numPassedTests: 1, testResults: [file('passed')] })).failed,
    ).toBe(1);
  });
});

describe('failures of one report', () => {
  test('are named with their file and the first lines of why', () => {
    const why = Array.from({ length: 30 }, (_, i) => `line ${i}`).join('\n');
    const failed = { status: 'failed', fullName: 'sums up', failureMessages: [why] };
    const testResults = [
      { name: '/a.test.ts', status: 'failed', assertionResults: [{ status: 'passed' }, failed] },
      { name: '/b.test.ts', status: 'failed', message: 'no such module', assertionResults: [] },
      { name: '/c.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] },
    ];
    const [first, ...others] = failuresOf(report({ success: false, testResults }));
    expect(first).toMatchObject({ file: '/a.test.ts', test: 'sums up' });
    expect(first!.reason.split('\n')).toHaveLength(12);
    expect(others).toEqual([{ file: '/b.test.ts', test: '', reason: 'no such module' }]);
  });
});

describe('added reports', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'carillon-totals-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function write(name: string, content: VitestReport): string {
    const folder = join(root, name);
    mkdirSync(dirname(reportPath(folder)), { recursive: true });
    writeFileSync(reportPath(folder), JSON.stringify(content));
    return folder;
  }

  test('are summed up', () => {
    const folders = [
      write('a', report({ numPassedTests: 1 })),
      write('b', report({ numPassedTests: 4, numTodoTests: 1 })),
    ];
    expect(addReports(folders)).toEqual({
      totals: { passed: 5, failed: 0, skipped: 1 },
      failures: [],
      missing: [],
    });
  });

  test('a package without a report is a failure', () => {
    const crashed = join(root, 'crashed');
    expect(addReports([write('a', report({ numPassedTests: 1 })), crashed])).toEqual({
      totals: { passed: 1, failed: 1, skipped: 0 },
      failures: [],
      missing: [crashed],
    });
  });
});
