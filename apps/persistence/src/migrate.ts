/** Applies the database migrations and ends: 0 when the schema is in order, else 1. */
import { ConfigError } from '@carillon/config';
import { migrate, openPostgres } from '@carillon/db';
import { waitFor } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import packageJson from '../package.json' with { type: 'json' };
import { readMigrateConfig } from './config.ts';

/** The database may be starting at the same moment; whoever started this repeats it after that. */
const WAIT_FOR_DATABASE_MS = 60_000;

async function main(): Promise<void> {
  const { config } = readMigrateConfig();
  const telemetry = createTelemetry({
    service: 'migrate',
    instanceId: config.process.nodeId,
    version: packageJson.version,
    levels: config.process.logLevel,
    format: config.process.logFormat,
    processMetrics: false,
  });
  const database = openPostgres({ ...config.database, poolMin: 0, poolMax: 1 }, telemetry);
  try {
    const signal = AbortSignal.timeout(WAIT_FOR_DATABASE_MS);
    await waitFor({ what: 'the database', attempt: () => database.ping(), telemetry, signal });
    const applied = await migrate(database);
    telemetry.logger.info({ applied }, applied.length === 0 ? 'nothing to migrate' : 'migrated');
  } catch (error) {
    telemetry.logger.fatal({ err: error }, 'the migration failed');
    process.exitCode = 1;
  } finally {
    await database.close();
    await telemetry.shutdown();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
