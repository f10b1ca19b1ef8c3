import type { Telemetry } from '@carillon/telemetry';
import type { Service } from './service.ts';

export interface RunOptions {
  readonly telemetry: Telemetry;
  readonly shutdownTimeoutMs: number;
  /** Runs after a clean stop. */
  readonly afterStop?: () => Promise<void>;
}

/**
 * Runs services until SIGTERM or SIGINT: starts them in order, stops them in reverse order within the deadline. A second signal
 * ends the process at once. Sets the exit code: 0 after a clean stop, 1 otherwise.
 */
export async function runServices(
  services: readonly Service[],
  { telemetry, shutdownTimeoutMs, afterStop }: RunOptions,
): Promise<void> {
  const { logger } = telemetry;
  const started: Service[] = [];
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    stopping = true;
    const deadline = setTimeout(() => {
      logger.fatal({ shutdownTimeoutMs }, 'the graceful stop took too long');
      process.exit(1);
    }, shutdownTimeoutMs);
    for (let service = started.pop(); service !== undefined; service = started.pop()) await service.stop();
    await afterStop?.();
    clearTimeout(deadline);
    process.exit(code);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    logger.info({ signal }, 'stopping');
    void stop(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const onFatal = (error: unknown): void => {
    logger.fatal({ err: error }, 'an error that nobody caught');
    if (stopping) process.exit(1);
    void stop(1);
  };
  process.on('uncaughtException', onFatal);
  process.on('unhandledRejection', onFatal);
  try {
    for (const service of services) {
      // Before it is up: a signal during the start has to stop what there is of it.
      started.push(service);
      await service.start();
    }
  } catch (error) {
    logger.fatal({ err: error }, error instanceof Error ? error.message : String(error));
    if (!stopping) await stop(1);
  }
}
