import { builtGroup } from '../group.ts';
import { namespacePolicies, namespacesKind } from '../namespaces.ts';
import { withDefault } from '../setting.ts';

export const namespacesSettings = builtGroup(
  {
    title: 'Namespaces',
    intro:
      'The part of a channel name before the first colon is its namespace: `chat:lobby` is in `chat`, a name without a colon in `default`. Namespaces that are not listed have the policy of `default`. All services of an installation use the same value.',
    settings: {
      policies: withDefault(namespacesKind, namespacePolicies(), {
        variable: 'CARILLON_NAMESPACES',
        description: 'Policies by namespace; see below.',
        example: `'{"cursor":{"ephemeral":true}}'`,
        fromFile: true,
      }),
    },
  },
  ({ policies }) => policies,
);
