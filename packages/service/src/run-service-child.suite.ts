/** A process with two services, for run-service.integration.test.ts. The first argument says what goes wrong. */
import { once } from 'node:events';
import { createTelemetry } from '@carillon/telemetry';
import { pause } from './pause.ts';
import { runServices } from './run-service.ts';
import { ServiceShell } from './service.ts';

const scenario = process.argv[2];

function serviceOf(name: string): ServiceShell {
  const telemetry = createTelemetry({
    service: name,
    instanceId: name,
    version: '0.0.0',
    levels: { level: 'info', modules: {} },
    format: 'json',
    processMetrics: false,
  });
  const shell = new ServiceShell(telemetry);
  shell.add({
    name: `${name} part`,
    stopTimeoutMs: 60_000,
    start: async (signal) => {
      telemetry.logger.info(`starting ${name}`);
      if (scenario === 'slow start' && name === 'second') await pause(60_000, signal);
      if (scenario === 'failed start' && name === 'second') throw new Error('port 1 is taken');
    },
    stop: async () => {
      telemetry.logger.info(`stopping ${name}`);
      if (scenario?.startsWith('hanging stop') === true) await pause(60_000);
      if (scenario === 'stop with a second signal' && name === 'second') {
        const again = once(process, 'SIGINT');
        // From here, not from the test: however slow the pipe between them is, half a second must not pass before it.
        process.kill(process.pid, 'SIGINT');
        await again;
      }
    },
  });
  if (scenario !== 'reload' || name !== 'second') return shell;
  return Object.assign(shell, { reload: () => telemetry.logger.info(`reloading ${name}`) });
}

const first = serviceOf('first');
const main = createTelemetry({
  service: 'main',
  instanceId: 'main',
  version: '0.0.0',
  levels: { level: 'info', modules: {} },
  format: 'json',
  processMetrics: false,
});
// Keeps the process alive: it has no listener.
const alive = setInterval(() => undefined, 60_000);
await runServices([first, serviceOf('second')], {
  telemetry: main,
  shutdownTimeoutMs: scenario === 'hanging stop, short' ? 200 : 30_000,
  afterStop: async () => {
    clearInterval(alive);
    main.logger.info('after stop');
  },
});
if (scenario === 'full disk') process.stderr.write('started\n');
if (scenario === 'uncaught')
  setImmediate(() => {
    throw new Error('nobody catches this');
  });
if (scenario === 'rejection') void Promise.reject(new Error('nobody catches this'));
