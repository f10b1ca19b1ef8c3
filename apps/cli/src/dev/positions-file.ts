/** Positions of channels over a clean restart. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { MemorySnapshot } from '@carillon/broker';
import { writePrivate } from '../private-file.ts';

const FILE = 'positions.json';

/**
 * Takes what the last clean stop left, once: after a crash there is nothing, and every channel begins a new epoch. A position from
 * before the crash would give places to new messages that others had.
 */
export function takePositions(dataDir: string): MemorySnapshot | undefined {
  const path = join(dataDir, FILE);
  if (!existsSync(path)) return undefined;
  const text = readFileSync(path, 'utf8');
  rmSync(path);
  return JSON.parse(text) as MemorySnapshot;
}

export function keepPositions(dataDir: string, snapshot: MemorySnapshot): void {
  writePrivate(join(dataDir, FILE), JSON.stringify(snapshot));
}
