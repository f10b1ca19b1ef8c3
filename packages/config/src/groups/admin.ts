import { group } from '../group.ts';
import { text, url } from '../kinds.ts';
import { optional } from '../setting.ts';

export const adminSettings = group({
  title: 'Admin',
  settings: {
    token: optional(text(/^[\x21-\x7e]{16,512}$/, '16..512 printable characters without white space'), {
      variable: 'CARILLON_ADMIN_TOKEN',
      description: 'Bearer token of the admin API. Without it the API answers only health and metrics.',
      example: '"$(openssl rand -base64 32)"',
      secrecy: 'secret',
      fromFile: true,
    }),
    publicGatewayUrl: optional(url('ws', 'wss'), {
      variable: 'CARILLON_PUBLIC_GATEWAY_URL',
      description: 'Address at which browsers reach the gateways, for the pages that admin serves.',
      example: 'wss://realtime.example.com/v1/ws',
    }),
  },
});
