import { createRedisBroker } from '@carillon/broker';
import {
  ConfigError,
  givenSettings,
  type LoadedConfig,
  sampleSecretWarnings,
  settingsFingerprints,
} from '@carillon/config';
import { openFilesLimit, runServices } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import packageJson from '../package.json' with { type: 'json' };
import { type GatewayConfig, readConfig } from './config.ts';
import { createGateway } from './gateway.ts';
import { leaveFilesForOthers, withinOpenFiles } from './lifecycle/open-files.ts';

/**
 * Within this time it is known which messages are stored of those that Redis may have lost, if persistence and Postgres
 * run.
 */
const SETTLE_PATIENCE_MS = 5000;

async function main({ config, warnings, effective }: LoadedConfig<GatewayConfig>): Promise<void> {
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: config.process.nodeId,
    version: packageJson.version,
    levels: config.process.logLevel,
    format: config.process.logFormat,
    otel: config.otel,
  });
  const samples = sampleSecretWarnings({ CARILLON_JWT_SECRET: config.auth.secret }, config.listener.host);
  for (const warning of [...warnings, ...samples]) telemetry.logger.warn(warning);
  telemetry.logger.info({ settings: givenSettings(effective) }, 'settings that are not the default');
  const broker = createRedisBroker({
    ...config.redis,
    connectTimeoutMs: config.redis.connectTimeoutMs,
    waitReplicas: config.redis.waitReplicas,
    waitTimeoutMs: config.redis.waitTimeoutMs,
    settlePatienceMs: SETTLE_PATIENCE_MS,
    startsSettled: true,
    limits: config.routing,
    logger: telemetry.loggerOf('broker'),
  });
  const files = openFilesLimit();
  const gateway = await createGateway({
    telemetry,
    broker,
    ownsBroker: true,
    fingerprints: settingsFingerprints(effective),
    config: { ...config, limits: withinOpenFiles(config.limits, files, telemetry.logger) },
  });
  leaveFilesForOthers(gateway.server.server, files, telemetry.loggerOf('gateway'));
  await runServices([gateway], { telemetry, shutdownTimeoutMs: config.process.shutdownTimeoutMs });
}

try {
  await main(readConfig());
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
