import { builtGroup, type Group, group } from '../group.ts';
import { integer, listOf, text } from '../kinds.ts';
import { cidr } from '../network.ts';
import { originEntry } from '../origins.ts';
import { optional, withDefault } from '../setting.ts';

/** Where a service listens. */
export interface ListenerSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

function listener(service: string, purpose: string, defaults: ListenerSettings): Group<ListenerSettings> {
  const prefix = `CARILLON_${service.toUpperCase()}`;
  return group({
    title: `Listener of the ${service}`,
    intro: purpose,
    settings: {
      host: withDefault(text(/^[A-Za-z0-9_.:-]{1,253}$/, 'an IP address or host name'), defaults.host, {
        variable: `${prefix}_HOST`,
        description: 'Address to listen on. `0.0.0.0` for all, 127.0.0.1 in single-process mode.',
        example: '0.0.0.0',
      }),
      port: withDefault(integer(0, 65_535), defaults.port, {
        variable: `${prefix}_PORT`,
        description: 'Port to listen on; 0 for any free one.',
        example: String(defaults.port),
      }),
    },
  });
}

const ALL = '0.0.0.0';

export const gatewayListener = listener('gateway', 'WebSocket, HTTP API, health and metrics.', {
  host: ALL,
  port: 8080,
});
export const adminListener = listener(
  'admin',
  'Admin API, health and metrics. Only local by default: it is not for the public.',
  { host: '127.0.0.1', port: 8081 },
);
export const routerListener = listener('router', 'Health and metrics.', { host: ALL, port: 8082 });
export const persistenceListener = listener('persistence', 'Health and metrics.', { host: ALL, port: 8083 });

const path = text(/^[^\0]{1,4096}$/, 'a path to a PEM file');

export const edgeSettings = builtGroup(
  {
    title: 'Edge',
    intro: 'What stands between the gateway and its clients.',
    settings: {
      allowedOrigins: withDefault(listOf(originEntry), [], {
        variable: 'CARILLON_ALLOWED_ORIGINS',
        description:
          "Web pages that may use the gateway, for CORS and for WebSocket upgrades alike. Empty: only pages of the gateway's own host. Clients that are not browsers send no Origin and are not concerned.",
        example: 'https://app.example.com,https://*.example.org',
      }),
      trustedProxies: withDefault(listOf(cidr), [], {
        variable: 'CARILLON_TRUSTED_PROXIES',
        description: 'Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed. Empty: none.',
        example: '10.0.0.0/8,fd00::/8',
      }),
      tlsCertFile: optional(path, {
        variable: 'CARILLON_TLS_CERT_FILE',
        description:
          'Certificate chain, for TLS in the gateway itself. Without it the gateway speaks plain HTTP.',
        example: '/etc/carillon/tls.crt',
      }),
      tlsKeyFile: optional(path, {
        variable: 'CARILLON_TLS_KEY_FILE',
        description: 'Private key of the certificate.',
        example: '/etc/carillon/tls.key',
      }),
    },
    rules: [
      {
        needs: ['tlsCertFile', 'tlsKeyFile'],
        test: ({ tlsCertFile, tlsKeyFile }) =>
          (tlsCertFile === undefined) === (tlsKeyFile === undefined)
            ? undefined
            : 'CARILLON_TLS_CERT_FILE and CARILLON_TLS_KEY_FILE go together: give both or neither',
      },
    ],
  },
  ({ allowedOrigins, trustedProxies, tlsCertFile, tlsKeyFile }) => ({
    allowedOrigins,
    trustedProxies,
    tls:
      tlsCertFile === undefined || tlsKeyFile === undefined
        ? undefined
        : { certFile: tlsCertFile, keyFile: tlsKeyFile },
  }),
);
