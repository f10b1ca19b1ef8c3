import { group } from '../group.ts';
import { text, url } from '../kinds.ts';
import { optional } from '../setting.ts';

export const commandLineSettings = group({
  title: 'Command line',
  intro:
    'For `carillon pub`, `sub`, `history`, `token`, `dead-letters`, `nodes` and `gateway`; flags stand above them. `CARILLON_JWT_SECRET` and `CARILLON_DATA_DIR` are used, too.',
  settings: {
    url: optional(url('ws', 'wss', 'http', 'https'), {
      variable: 'CARILLON_URL',
      description: 'Address of a gateway. Default: the instance that `npm start` started here.',
      example: 'ws://localhost:8080/v1/ws',
    }),
    token: optional(text(/^\S{1,8192}$/, 'a JWT'), {
      variable: 'CARILLON_TOKEN',
      description: 'Token to connect with. Default: one is made with the secret.',
      example: '"$(carillon token)"',
      secrecy: 'secret',
    }),
    adminUrl: optional(url('http', 'https'), {
      variable: 'CARILLON_ADMIN_URL',
      description:
        'Address of the admin API, which is asked with `CARILLON_ADMIN_TOKEN`. Default: the instance that `npm start` started here.',
      example: 'http://localhost:8081',
    }),
  },
});
