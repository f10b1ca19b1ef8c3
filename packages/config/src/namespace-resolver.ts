import { DEFAULT_NAMESPACE } from '@carillon/protocol';
import { type NamespacePolicy, namespacePolicies } from './namespaces.ts';

/** Finds the policy of a channel. */
export interface NamespaceResolver {
  /** The policy of the channel's namespace. Unknown namespaces and names without a colon have the `default` policy. */
  resolve(channel: string): NamespacePolicy;
  /** All policies with a name of their own, `default` included. */
  readonly policies: readonly NamespacePolicy[];
  /** The policy of every namespace that has none of its own. */
  readonly fallback: NamespacePolicy;
}

/**
 * One look-up per call, no state that grows: namespaces without a policy share the `default` one, so inventing
 * channel names costs a caller's victim neither memory nor metric labels.
 */
export function createNamespaceResolver(
  policies: readonly NamespacePolicy[] = namespacePolicies(),
): NamespaceResolver {
  const byName = new Map(policies.map((policy) => [policy.name, policy]));
  const fallback = byName.get(DEFAULT_NAMESPACE) ?? namespacePolicies()[0]!;
  byName.set(DEFAULT_NAMESPACE, fallback);
  return {
    policies: [...byName.values()],
    fallback,
    resolve: (channel) => {
      const colon = channel.indexOf(':');
      return colon <= 0 ? fallback : (byName.get(channel.slice(0, colon)) ?? fallback);
    },
  };
}
