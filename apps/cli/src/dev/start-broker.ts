import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Broker, importPositions, JournalCorruptError, type Positions } from '@carillon/broker';
import { CliError } from '../cli-error.ts';
import type { DataDir } from './data-dir.ts';

/** Positions file that 0.1 wrote at a clean stop, before there was a journal. */
const POSITIONS = 'positions.json';

/** Reads what was accepted before. @throws CliError when it can't be read */
export async function startBroker(broker: Broker, dataDir: DataDir): Promise<void> {
  try {
    await takePositions(dataDir);
    await broker.start();
  } catch (cause) {
    if (!(cause instanceof JournalCorruptError)) throw cause;
    throw new CliError(cause.message, {
      hint: `Restore ${dataDir.journal} from a backup, or move it away: then channels begin new epochs, clients are told, and what the database has not stored is lost.`,
      cause,
    });
  }
}

async function takePositions({ path, journal }: DataDir): Promise<void> {
  const file = join(path, POSITIONS);
  if (!existsSync(file)) return;
  await importPositions(journal, JSON.parse(readFileSync(file, 'utf8')) as Positions);
  rmSync(file);
}
