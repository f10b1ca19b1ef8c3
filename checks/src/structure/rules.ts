import type { SourceFile } from './files.ts';

export interface StructureViolation {
  readonly rule: string;
  readonly path: string;
  readonly message: string;
}

const MAX_LINES = 300;
/** A table of cases is read line by line; it may be longer than what has to be understood as a whole. */
const MAX_TEST_LINES = 600;

const TEST_FILE = /\.(?:test|suite)\.tsx?$/;
const NAMES_THAT_SAY_NOTHING = /^(?:utils?|helpers?|commons?|misc|shared|managers?)$/;
const ENTRY_FILES = /^(?:(?:apps|packages|examples)\/[^/]+|checks)\/(?:src\/)?index\.(?:ts|html)$/;

/** The clocks of machines may be minutes apart: these services stamp and judge by the clock of the broker or of the database. */
const SHARED_CLOCK = /^apps\/(?:gateway|router|persistence)\/src\//;
/** Where the clock of the machine is meant, and why. */
const LOCAL_CLOCK: Readonly<Record<string, string>> = {
  'apps/gateway/src/lifecycle/served-certificate.ts': 'a certificate ends by the clock of those who check it',
  'apps/gateway/src/session/connections.ts': 'a token ends by the clock that verified it',
  'apps/persistence/src/requests/ask-endpoint.ts': 'the receiver compares with its own clock',
  'apps/persistence/src/webhooks/send.ts': 'the receiver compares with its own clock',
};

function clocksOf({ path, clockReads }: SourceFile): StructureViolation[] {
  if (!SHARED_CLOCK.test(path) || TEST_FILE.test(path)) return [];
  const isMeant = Object.hasOwn(LOCAL_CLOCK, path);
  if (isMeant && clockReads.length === 0)
    return [{ rule: 'shared-clock', path, message: 'reads no clock any more: take it off LOCAL_CLOCK' }];
  if (isMeant || clockReads.length === 0) return [];
  const reads = clockReads.join(', ');
  return [
    {
      rule: 'shared-clock',
      path,
      message: `${reads} is the clock of this machine: use broker.nowMs(), or now() of the database`,
    },
  ];
}

function sizeOf({ path, lines }: SourceFile): StructureViolation[] {
  const limit = TEST_FILE.test(path) ? MAX_TEST_LINES : MAX_LINES;
  if (lines <= limit) return [];
  return [
    { rule: 'file-size', path, message: `${lines} lines, allowed are ${limit}: split it by what it does` },
  ];
}

function namesIn({ path }: SourceFile): StructureViolation[] {
  return path
    .split('/')
    .map((part) => part.replace(/\..*$/, ''))
    .filter((part) => NAMES_THAT_SAY_NOTHING.test(part))
    .map((part) => ({ rule: 'telling-names', path, message: `"${part}" doesn't say what is in it` }));
}

function entryOnly({ path }: SourceFile): StructureViolation[] {
  if (!/(?:^|\/)index\.[a-z]+$/.test(path) || ENTRY_FILES.test(path)) return [];
  return [{ rule: 'index-is-entry', path, message: 'index files are for the entry of a package only' }];
}

export function structureViolations(files: readonly SourceFile[]): StructureViolation[] {
  return files.flatMap((file) => [...sizeOf(file), ...namesIn(file), ...entryOnly(file), ...clocksOf(file)]);
}
