import { group } from '../group.ts';
import { listOf } from '../kinds.ts';
import { cidr } from '../network.ts';
import { respondersKind } from '../responders.ts';
import { withDefault } from '../setting.ts';
import { webhooksKind } from '../webhooks.ts';

export const webhooksSettings = group({
  title: 'Webhooks',
  intro:
    'Read by persistence. All of its processes use the same values; docs/guides/webhooks.md has the members.',
  settings: {
    endpoints: withDefault(webhooksKind, [], {
      variable: 'CARILLON_WEBHOOKS',
      description: 'Endpoints that are told of events.',
      example: `'[{"name":"orders","url":"https://example.com/hook","events":["message.published"],"secrets":["at-least-16-characters"]}]'`,
      secrecy: 'secret',
      fromFile: true,
    }),
    responders: withDefault(respondersKind, [], {
      variable: 'CARILLON_RESPONDERS',
      description: 'Endpoints that answer requests of clients; docs/guides/requests.md has the members.',
      example: `'[{"name":"prices","url":"https://example.com/ask","methods":["quotes.price"],"secrets":["at-least-16-characters"]}]'`,
      secrecy: 'secret',
      fromFile: true,
    }),
    allowedNetworks: withDefault(listOf(cidr), [], {
      variable: 'CARILLON_WEBHOOKS_ALLOWED_NETWORKS',
      description:
        'Private, loopback, link-local and other addresses that are not public may be called only when they are listed here.',
      example: '10.1.0.0/16,127.0.0.1',
    }),
  },
});
