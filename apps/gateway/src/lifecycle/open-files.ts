import type { Server } from 'node:net';
import { RESERVED_FILES } from '@carillon/service';
import { type Logger, RepeatedLog } from '@carillon/telemetry';

/** Beyond the limits of connections: for what is refused with a reason. */
const FOR_REFUSALS = 32;
const LEAST_CONNECTIONS = 1;

interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxUnauthenticated: number;
}

/**
 * Every connection is an open file. Without one left the gateway could neither accept, nor connect to Redis again, nor answer whether it is
 * well, and the platform tells nobody. So the limits of connections, with a token and without, are below that of files together, and whoever
 * set both is told. Strangers have a third at most.
 */
export function withinOpenFiles<Limits extends ConnectionLimits>(
  limits: Limits,
  files: number | undefined,
  logger: Logger,
): Limits {
  if (files === undefined) return limits;
  const room = Math.max(2 * LEAST_CONNECTIONS, files - RESERVED_FILES - FOR_REFUSALS);
  if (limits.maxConnections + limits.maxUnauthenticated <= room) return limits;
  const maxUnauthenticated = Math.min(
    limits.maxUnauthenticated,
    Math.max(LEAST_CONNECTIONS, Math.floor(room / 3)),
  );
  const maxConnections = Math.min(limits.maxConnections, room - maxUnauthenticated);
  logger.warn(
    { openFiles: files, maxConnections, maxUnauthenticated },
    `CARILLON_MAX_CONNECTIONS is ${limits.maxConnections}, and this process may have ${files} open files (ulimit -n, LimitNOFILE): no more than ${maxConnections} connections are taken, and ${maxUnauthenticated} without a token`,
  );
  return { ...limits, maxConnections, maxUnauthenticated };
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
