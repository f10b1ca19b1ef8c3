import { builtGroup } from '../group.ts';
import { integer, text } from '../kinds.ts';
import { pairFault, pemFault } from '../pem-files.ts';
import { redisUrl } from '../redis-url.ts';
import { optional, required, withDefault } from '../setting.ts';
import { durationMs } from '../units.ts';

const path = text(/^[^\0]{1,4096}$/, 'a path to a PEM file');
const CA = 'CARILLON_REDIS_TLS_CA_FILE';
const CERT = 'CARILLON_REDIS_TLS_CERT_FILE';
const KEY = 'CARILLON_REDIS_TLS_KEY_FILE';

export const redisSettings = builtGroup(
  {
    title: 'Redis',
    intro:
      'Used by gateway, router, persistence and admin. All services of an installation use the same values.',
    settings: {
      url: required(redisUrl, {
        variable: 'CARILLON_REDIS_URL',
        description:
          'Redis with the message log: one server, some nodes of a Redis Cluster, or the sentinels and their name for the primary. `rediss` instead of `redis` for TLS; user, password and database as in any Redis URL.',
        example: 'redis://localhost:6379/0',
        secrecy: 'url',
      }),
      prefix: withDefault(
        text(/^[A-Za-z0-9_.-]{1,32}$/, '1..32 characters of A-Z a-z 0-9 _ . -'),
        'carillon',
        {
          variable: 'CARILLON_REDIS_PREFIX',
          description: 'Start of every key, so that installations can share a Redis.',
          example: 'carillon-staging',
        },
      ),
      partitions: withDefault(integer(1, 1024), 1, {
        variable: 'CARILLON_PARTITIONS',
        description:
          'Partitions that channels hash onto; all services of an installation have the same number, for its whole life. 1 is fastest on one Redis. On Redis Cluster the number of primaries, or a small multiple; 16 where several busy routers are to share them.',
        example: '16',
      }),
      waitReplicas: withDefault(integer(0, 5), 0, {
        variable: 'CARILLON_REDIS_WAIT_REPLICAS',
        description:
          'Replicas that have to have a message before it is accepted (WAIT). Narrows what a failover can lose; costs a round trip to the slowest of them.',
        example: '1',
      }),
      waitTimeoutMs: withDefault(durationMs(10, 4000), 500, {
        variable: 'CARILLON_REDIS_WAIT_TIMEOUT_MS',
        description:
          'Longest wait for the replicas. Then the outcome of the publish is unknown, and SDKs repeat it until it is known.',
        example: '500ms',
      }),
      connectTimeoutMs: withDefault(durationMs(100, 60_000), 2000, {
        variable: 'CARILLON_REDIS_CONNECT_TIMEOUT_MS',
        description: 'A connection attempt that takes longer is given up and repeated.',
        example: '2s',
      }),
      tlsCaFile: optional(path, {
        variable: CA,
        description:
          'Certificates of the authorities that are trusted for Redis, instead of those of the platform. For `rediss`.',
        example: '/etc/carillon/redis-ca.pem',
      }),
      tlsCertFile: optional(path, {
        variable: CERT,
        description: 'Certificate that the services present to a Redis with `tls-auth-clients yes`.',
        example: '/etc/carillon/redis-client.pem',
      }),
      tlsKeyFile: optional(path, {
        variable: KEY,
        description: 'Private key of that certificate.',
        example: '/etc/carillon/redis-client-key.pem',
      }),
    },
    rules: [
      {
        needs: ['tlsCaFile'],
        test: ({ tlsCaFile }, readFile) =>
          tlsCaFile === undefined ? undefined : pemFault({ variable: CA, path: tlsCaFile }, readFile),
      },
      {
        needs: ['tlsCertFile', 'tlsKeyFile'],
        test: ({ tlsCertFile, tlsKeyFile }, readFile) => {
          if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
          if (tlsCertFile === undefined || tlsKeyFile === undefined)
            return `${CERT} and ${KEY} go together: give both or neither`;
          return pairFault(
            { variable: CERT, path: tlsCertFile },
            { variable: KEY, path: tlsKeyFile },
            readFile,
          );
        },
      },
      {
        needs: ['url', 'tlsCaFile', 'tlsCertFile'],
        test: ({ url, tlsCaFile, tlsCertFile }) =>
          (tlsCaFile ?? tlsCertFile) === undefined || url.startsWith('rediss')
            ? undefined
            : `CARILLON_REDIS_TLS_... has no effect without TLS: CARILLON_REDIS_URL begins with rediss:// then`,
      },
    ],
  },
  ({ tlsCaFile, tlsCertFile, tlsKeyFile, ...values }, readFile) => {
    const content = (file: string | undefined): string | undefined =>
      file === undefined ? undefined : readFile(file);
    return {
      ...values,
      /** Contents of the files. */
      tls: { ca: content(tlsCaFile), cert: content(tlsCertFile), key: content(tlsKeyFile) },
    };
  },
);
