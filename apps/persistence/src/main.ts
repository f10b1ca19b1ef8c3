/** Persistence in a process of its own. */
import { createRedisBroker } from '@carillon/broker';
import { ConfigError, givenSettings, settingsFingerprints } from '@carillon/config';
import { openPostgres } from '@carillon/db';
import { runServices } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import packageJson from '../package.json' with { type: 'json' };
import { readConfig } from './config.ts';
import { createPersistence } from './persistence.ts';

async function main(): Promise<void> {
  const { config, warnings, effective } = readConfig();
  const telemetry = createTelemetry({
    service: 'persistence',
    instanceId: config.process.nodeId,
    version: packageJson.version,
    levels: config.process.logLevel,
    format: config.process.logFormat,
    otel: config.otel,
  });
  for (const warning of warnings) telemetry.logger.warn(warning);
  telemetry.logger.info({ settings: givenSettings(effective) }, 'settings that are not the default');
  const broker = createRedisBroker({
    ...config.redis,
    // Due messages are repeated with their own keys, and may be stored although Redis lost them.
    settlePatienceMs: 5000,
    limits: config.routing,
    logger: telemetry.loggerOf('broker'),
  });
  const database = openPostgres({ ...config.database, applicationName: 'carillon-persistence' }, telemetry);
  const persistence = createPersistence({
    telemetry,
    broker,
    database,
    settings: config.persistence,
    namespaces: config.namespaces,
    webhooks: config.webhooks,
    retention: { jobs: { kind: 'redis', ...config.redis } },
    listener: config.listener,
    fingerprints: settingsFingerprints(effective),
    parts: [
      { name: 'Postgres', stop: () => database.close() },
      { name: 'Redis', start: (signal) => broker.start(signal), stop: () => broker.stop() },
    ],
  });
  await runServices([persistence], { telemetry, shutdownTimeoutMs: config.process.shutdownTimeoutMs });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
