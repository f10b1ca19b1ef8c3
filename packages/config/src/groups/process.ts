import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { group } from '../group.ts';
import { choice, text } from '../kinds.ts';
import { logLevels } from '../log-levels.ts';
import { withComputedDefault, withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

/** Unique for each start: a restarted process must not be taken for its predecessor. */
function generatedNodeId(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9_.-]/g, '-')
    .slice(0, 40);
  return `${host}-${randomBytes(4).toString('hex')}`;
}

export const processSettings = group({
  title: 'Every service',
  settings: {
    nodeId: withComputedDefault(
      text(/^[A-Za-z0-9_.-]{1,64}$/, '1..64 characters of A-Z a-z 0-9 _ . -'),
      { text: 'host name and random characters', value: generatedNodeId },
      {
        variable: 'CARILLON_NODE_ID',
        description:
          'Name of this process in logs, traces and leases. No two running processes may share one.',
        example: 'gateway-eu-1',
      },
    ),
    shutdownTimeoutMs: withDefault(durationMs(100, 3_600_000), 25_000, {
      variable: 'CARILLON_SHUTDOWN_TIMEOUT_MS',
      description:
        'Longest graceful stop. Keep it below the grace period of the orchestrator (Kubernetes: 30 s).',
      example: '25s',
    }),
    logLevel: withDefault(
      logLevels,
      { level: 'info', modules: {} },
      {
        variable: 'CARILLON_LOG_LEVEL',
        description: 'Log level, and levels of single modules.',
        example: 'info,ingress=debug',
      },
    ),
    logFormat: withDefault(choice(['auto', 'json', 'pretty']), 'auto', {
      variable: 'CARILLON_LOG_FORMAT',
      description: '`auto`: pretty on a terminal, else JSON.',
      example: 'json',
    }),
  },
});
