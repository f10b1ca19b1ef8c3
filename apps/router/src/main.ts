/** The router in a process of its own. */
import { createRedisBroker } from '@carillon/broker';
import { ConfigError, givenSettings, settingsFingerprints } from '@carillon/config';
import { runServices } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import { readConfig, readVersion } from './config.ts';
import { createRouter } from './router.ts';

async function main(): Promise<void> {
  const { config, warnings, effective } = readConfig();
  const { process: processConfig, redis, routing, listener, otel } = config;
  const telemetry = createTelemetry({
    service: 'router',
    instanceId: processConfig.nodeId,
    version: readVersion(),
    levels: processConfig.logLevel,
    format: processConfig.logFormat,
    otel,
  });
  for (const warning of warnings) telemetry.logger.warn(warning);
  telemetry.logger.info({ settings: givenSettings(effective) }, 'settings that are not the default');
  const broker = createRedisBroker({ ...redis, limits: routing, logger: telemetry.loggerOf('broker') });
  const router = createRouter({
    ...routing,
    broker,
    telemetry,
    listener,
    ownsBroker: true,
    fingerprints: settingsFingerprints(effective),
  });
  await runServices([router], { telemetry, shutdownTimeoutMs: processConfig.shutdownTimeoutMs });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
