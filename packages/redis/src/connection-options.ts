import type { RedisOptions } from 'ioredis';
import type { ClusterAddress, SentinelAddress } from './address.ts';
import { ClusterNodes } from './cluster-nodes.ts';
import { connectorTo } from './cluster-slot-connector.ts';
import { slotOf } from './slots.ts';

/** Those settings of a connection that say where it leads. */
export type RedisWay = Pick<
  RedisOptions,
  | 'Connector'
  | 'sentinels'
  | 'name'
  | 'role'
  | 'db'
  | 'username'
  | 'password'
  | 'sentinelPassword'
  | 'tls'
  | 'sentinelTLS'
  | 'enableTLSForSentinelMode'
>;

export interface RedisPlace {
  /** All that the connection is for lies in the slot of this key. Only on a cluster. */
  readonly key: string;
  /** Shared by the connections of a process. Default: of its own. */
  readonly nodes?: ClusterNodes;
}

/**
 * What a connection that is not to a single Redis needs, besides what the caller wants of it. It leads to the present primary at every
 * connection that is made; who sees {@link isElsewhere} has to connect anew.
 */
export function connectionOptions(address: ClusterAddress | SentinelAddress, place: RedisPlace): RedisWay {
  if (address.kind === 'cluster') {
    const nodes = place.nodes ?? new ClusterNodes(address);
    return { ...nodes.access, Connector: connectorTo(nodes, slotOf(place.key)) };
  }
  const { username, password, isEncrypted, sentinels, name, database, sentinelPassword } = address;
  return {
    sentinels: sentinels.map((sentinel) => ({ ...sentinel })),
    name,
    role: 'master',
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(isEncrypted && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  };
}

/** Errors that say that this is no longer the server for it, and that nothing was done. */
const ELSEWHERE = /^(READONLY|MOVED|CLUSTERDOWN)\b/;

/** Did Redis answer that another server has what was asked for? Only a new connection gets there. */
export function isElsewhere({ message }: Error): boolean {
  return ELSEWHERE.test(message);
}
