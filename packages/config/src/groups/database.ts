import { builtGroup } from '../group.ts';
import { integer } from '../kinds.ts';
import { pemFault } from '../pem-files.ts';
import { postgresUrl, readPostgresAddress } from '../postgres-url.ts';
import { required, withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

/** How much longer the client waits than the server works: the server's own error is the better one. */
const CLIENT_MARGIN_MS = 2000;

const PARAMETERS: Readonly<Record<string, string>> = {
  ca: 'sslrootcert in CARILLON_DATABASE_URL',
  cert: 'sslcert in CARILLON_DATABASE_URL',
  key: 'sslkey in CARILLON_DATABASE_URL',
};

export const databaseSettings = builtGroup(
  {
    title: 'Postgres',
    intro: 'Used by persistence and admin.',
    settings: {
      url: required(postgresUrl, {
        variable: 'CARILLON_DATABASE_URL',
        description:
          'Postgres that stores messages and jobs, or PgBouncer before it. TLS by `?sslmode=verify-full`. Of several hosts the first that takes writes is used.',
        example: 'postgres://carillon:password@localhost:5432/carillon',
        secrecy: 'url',
      }),
      poolMin: withDefault(integer(0, 1000, 'connections'), 5, {
        variable: 'CARILLON_DATABASE_POOL_MIN',
        description: 'Connections that each process keeps open.',
        example: '5',
      }),
      poolMax: withDefault(integer(1, 1000, 'connections'), 20, {
        variable: 'CARILLON_DATABASE_POOL_MAX',
        description:
          "Most connections of each process. The sum over all processes has to stay below Postgres' `max_connections`.",
        example: '20',
      }),
      connectTimeoutMs: withDefault(durationMs(100, 60_000), 2000, {
        variable: 'CARILLON_DATABASE_CONNECT_TIMEOUT_MS',
        description: 'Longest wait for a connection, from the pool or new.',
        example: '2s',
      }),
      statementTimeoutMs: withDefault(durationMs(100, 3_600_000), 10_000, {
        variable: 'CARILLON_DATABASE_STATEMENT_TIMEOUT_MS',
        description: `Postgres ends a statement that runs longer. The client waits ${CLIENT_MARGIN_MS / 1000} s more than this.`,
        example: '10s',
      }),
      slowQueryMs: withDefault(durationMs(1, 3_600_000), 1000, {
        variable: 'CARILLON_DATABASE_SLOW_QUERY_MS',
        description: 'Statements that take longer are logged.',
        example: '1s',
      }),
    },
    rules: [
      {
        needs: ['url'],
        test: ({ url }, readFile) => {
          const files = Object.entries(readPostgresAddress(url).files);
          const faults = files.map(([name, path]) =>
            pemFault({ variable: PARAMETERS[name]!, path }, readFile),
          );
          return faults.find((fault) => fault !== undefined);
        },
      },
      {
        needs: ['poolMin', 'poolMax'],
        test: ({ poolMin, poolMax }) =>
          poolMin <= poolMax
            ? undefined
            : `CARILLON_DATABASE_POOL_MIN (${poolMin}) must not be above CARILLON_DATABASE_POOL_MAX (${poolMax})`,
      },
      {
        needs: ['slowQueryMs', 'statementTimeoutMs'],
        test: ({ slowQueryMs, statementTimeoutMs }) =>
          slowQueryMs < statementTimeoutMs
            ? undefined
            : `CARILLON_DATABASE_SLOW_QUERY_MS (${slowQueryMs}) must be below CARILLON_DATABASE_STATEMENT_TIMEOUT_MS (${statementTimeoutMs}), else no slow statement is ever logged`,
      },
    ],
  },
  (values) => ({
    ...values,
    /** The client's own limit on a statement: always above the server's. */
    queryTimeoutMs: values.statementTimeoutMs + CLIENT_MARGIN_MS,
  }),
);
