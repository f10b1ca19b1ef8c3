import { type Group, group } from '../group.ts';
import { integer, text } from '../kinds.ts';
import { type Kind, withDefault } from '../setting.ts';

/** Where a service listens. */
export interface ListenerSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

const bare = text(/^[A-Za-z0-9_.:-]{1,253}$/, 'an IP address or host name');
/** `[::1]` as in a URL is `::1`. */
export const listenHost: Kind<string> = {
  ...bare,
  parse: (given) => bare.parse(given.replace(/^\[([0-9A-Fa-f:.]+)\]$/, '$1')),
};

/** Local by default: a service that is started to have a look must not be open to the network. Images set 0.0.0.0. */
const host = withDefault(listenHost, '127.0.0.1', {
  variable: 'CARILLON_HOST',
  description: 'Address that every service listens on. `0.0.0.0` for all IPv4 addresses, `::` for all.',
  example: '0.0.0.0',
});

function listener(service: string, purpose: string, defaultPort: number): Group<ListenerSettings> {
  return group({
    title: `Listener of the ${service}`,
    intro: purpose,
    settings: {
      host,
      port: withDefault(integer(0, 65_535), defaultPort, {
        variable: `CARILLON_${service.toUpperCase()}_PORT`,
        description: 'Port to listen on; 0 for any free one.',
        example: String(defaultPort),
      }),
    },
  });
}

export const gatewayListener = listener('gateway', 'WebSocket, HTTP API, health and metrics.', 8080);
export const adminListener = listener('admin', 'Admin API, health and metrics. Not for the public.', 8081);
export const routerListener = listener('router', 'Health and metrics.', 8082);
export const persistenceListener = listener('persistence', 'Health and metrics.', 8083);
