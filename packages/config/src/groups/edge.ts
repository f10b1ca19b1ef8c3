import { builtGroup } from '../group.ts';
import { flag, integer, listOf, text } from '../kinds.ts';
import { cidr } from '../network.ts';
import { originEntry } from '../origins.ts';
import { pairFault } from '../pem-files.ts';
import { optional, withDefault } from '../setting.ts';
import { bytes } from '../units.ts';
import { listenHost } from './listener.ts';

const path = text(/^[^\0]{1,4096}$/, 'a path to a PEM file');

export const edgeSettings = builtGroup(
  {
    title: 'Edge',
    intro: 'What stands between the gateway and its clients.',
    settings: {
      allowedOrigins: withDefault(listOf(originEntry), [], {
        variable: 'CARILLON_ALLOWED_ORIGINS',
        description:
          "Web pages that may use the gateway, for CORS and for WebSocket upgrades alike. Empty: only pages of the gateway's own host, and, while `CARILLON_HOST` is a loopback address, pages of this machine (http://localhost:5173). Clients that are not browsers send no Origin and are not concerned.",
        example: 'https://app.example.com,https://*.example.org',
      }),
      trustedProxies: withDefault(listOf(cidr), [], {
        variable: 'CARILLON_TRUSTED_PROXIES',
        description:
          'Proxies whose `X-Forwarded-For` is believed: the client is the last address in it that is none of these. Empty: none.',
        example: '10.0.0.0/8,fd00::/8',
      }),
      metricsPort: optional(integer(1, 65_535), {
        variable: 'CARILLON_GATEWAY_METRICS_PORT',
        description:
          'A port of its own for `/metrics`, `/metrics.json` and `/health/websocket`, always plain HTTP. Without it they are served beside everything else, to everybody who reaches the gateway. `/health` and `/ready` are on both.',
        example: '9090',
      }),
      metricsHost: optional(listenHost, {
        variable: 'CARILLON_GATEWAY_METRICS_HOST',
        description: 'Address that this port listens on. Without it: CARILLON_HOST.',
        example: '10.0.0.11',
      }),
      tlsCertFile: optional(path, {
        variable: 'CARILLON_TLS_CERT_FILE',
        description:
          'Certificate chain, for TLS in the gateway itself. Without it the gateway speaks plain HTTP. Read again when it changes, and at SIGHUP.',
        example: '/etc/carillon/tls.crt',
      }),
      tlsKeyFile: optional(path, {
        variable: 'CARILLON_TLS_KEY_FILE',
        description: 'Private key of the certificate.',
        example: '/etc/carillon/tls.key',
      }),
      compression: withDefault(flag(), false, {
        variable: 'CARILLON_COMPRESSION',
        description:
          'Compress WebSocket messages (permessage-deflate) for clients that offer it. Saves traffic, costs CPU; a message is compressed once for all its subscribers.',
        example: 'true',
      }),
      compressionMinBytes: withDefault(bytes(64, 256 * 1024), 1024, {
        variable: 'CARILLON_COMPRESSION_MIN_BYTES',
        description: 'Smaller messages are not compressed.',
        example: '4KiB',
      }),
      clientEvents: withDefault(flag(), false, {
        variable: 'CARILLON_CLIENT_EVENTS',
        description:
          'Put the coming and going of clients into the log, for webhooks with `client.connected` and `client.disconnected`: two stored messages per connection.',
        example: 'true',
      }),
    },
    rules: [
      {
        needs: ['tlsCertFile', 'tlsKeyFile'],
        test: ({ tlsCertFile, tlsKeyFile }, readFile) => {
          if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
          if (tlsCertFile === undefined || tlsKeyFile === undefined)
            return 'CARILLON_TLS_CERT_FILE and CARILLON_TLS_KEY_FILE go together: give both or neither';
          const cert = { variable: 'CARILLON_TLS_CERT_FILE', path: tlsCertFile };
          return pairFault(cert, { variable: 'CARILLON_TLS_KEY_FILE', path: tlsKeyFile }, readFile);
        },
      },
    ],
  },
  ({
    allowedOrigins,
    trustedProxies,
    metricsPort,
    metricsHost,
    tlsCertFile,
    tlsKeyFile,
    clientEvents,
    compression,
    compressionMinBytes,
  }) => ({
    clientEvents,
    compression: compression ? { minBytes: compressionMinBytes } : undefined,
    allowedOrigins,
    trustedProxies,
    metrics: metricsPort === undefined ? undefined : { port: metricsPort, host: metricsHost },
    tls:
      tlsCertFile === undefined || tlsKeyFile === undefined
        ? undefined
        : { certFile: tlsCertFile, keyFile: tlsKeyFile },
  }),
);
