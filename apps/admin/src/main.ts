/** Admin in a process of its own. */
import { createRedisControl } from '@carillon/broker';
import { ConfigError, givenSettings, sampleSecretWarnings, settingsFingerprints } from '@carillon/config';
import { openPostgres } from '@carillon/db';
import { runServices } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import packageJson from '../package.json' with { type: 'json' };
import { createAdmin } from './admin.ts';
import { readConfig } from './config.ts';

const LOCAL_GATEWAY = 'ws://127.0.0.1:8080/v1/ws';

async function main(): Promise<void> {
  const { config, warnings, effective } = readConfig();
  const telemetry = createTelemetry({
    service: 'admin',
    instanceId: config.process.nodeId,
    version: packageJson.version,
    levels: config.process.logLevel,
    format: config.process.logFormat,
    otel: config.otel,
  });
  const samples = sampleSecretWarnings({ CARILLON_ADMIN_TOKEN: config.admin.token }, config.listener.host);
  for (const warning of [...warnings, ...samples]) telemetry.logger.warn(warning);
  telemetry.logger.info({ settings: givenSettings(effective) }, 'settings that are not the default');
  const database = openPostgres({ ...config.database, applicationName: 'carillon-admin' }, telemetry);
  const control = createRedisControl({ ...config.redis, logger: telemetry.loggerOf('broker') });
  const admin = await createAdmin({
    telemetry,
    database,
    jobs: { kind: 'redis', ...config.redis },
    broker: control,
    fingerprints: settingsFingerprints(effective),
    listener: config.listener,
    token: config.admin.token,
    console: { gatewayUrl: config.admin.publicGatewayUrl ?? LOCAL_GATEWAY },
    parts: [
      { name: 'Postgres', stop: () => database.close() },
      // Admin is of use without it: it is waited for by itself.
      { name: 'control connection', start: async () => control.begin(), stop: () => control.stop() },
    ],
  });
  await runServices([admin], { telemetry, shutdownTimeoutMs: config.process.shutdownTimeoutMs });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
