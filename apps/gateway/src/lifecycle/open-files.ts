import type { Server } from 'node:net';
import { RESERVED_FILES } from '@carillon/service';
import { type Logger, RepeatedLog } from '@carillon/telemetry';

/** Beyond the limit of connections: for requests to health and metrics, and for what is refused with a reason. */
const FOR_REQUESTS = 32;
const LEAST_CONNECTIONS = 1;

/**
 * Every connection is an open file. Without one left the gateway could neither accept, nor connect to Redis again, nor answer whether it is
 * well, and the platform tells nobody. So the limit of connections is below that of files, and whoever set both is told.
 */
export function withinOpenFiles<Limits extends { readonly maxConnections: number }>(
  limits: Limits,
  files: number | undefined,
  logger: Logger,
): Limits {
  if (files === undefined) return limits;
  const maxConnections = Math.max(LEAST_CONNECTIONS, files - RESERVED_FILES - FOR_REQUESTS);
  if (limits.maxConnections <= maxConnections) return limits;
  logger.warn(
    { openFiles: files, maxConnections },
    `CARILLON_MAX_CONNECTIONS is ${limits.maxConnections}, and this process may have ${files} open files (ulimit -n, LimitNOFILE): no more than ${maxConnections} connections are taken`,
  );
  return { ...limits, maxConnections };
}

/** Sockets above this are closed by the platform at once, so that files are left for Redis. */
export function leaveFilesForOthers(server: Server, files: number | undefined, logger: Logger): void {
  if (files === undefined) return;
  const log = new RepeatedLog(logger);
  server.maxConnections = Math.max(LEAST_CONNECTIONS + 1, files - RESERVED_FILES);
  server.on('drop', () =>
    log.error(
      { openFiles: files, sockets: server.maxConnections },
      'a connection was closed at once: the process has as many sockets as its limit of open files leaves (ulimit -n, LimitNOFILE)',
    ),
  );
}
