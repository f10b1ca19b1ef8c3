import type { RedisOptions } from 'ioredis';
import type { RedisAddress } from './address.ts';
import { ClusterNodes, given } from './cluster-nodes.ts';
import { connectorTo } from './cluster-slot-connector.ts';
import { slotOf } from './slots.ts';

/** Those settings of a connection that say where it leads. */
export type RedisWay = Pick<
  RedisOptions,
  | 'Connector'
  | 'host'
  | 'port'
  | 'family'
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
 * What a connection needs, besides what the caller wants of it. Where there are several servers it leads to the present primary at every
 * connection that is made; who sees {@link isElsewhere} has to connect anew.
 */
export function connectionOptions(address: RedisAddress, place: RedisPlace): RedisWay {
  if (address.kind === 'cluster') {
    const nodes = place.nodes ?? new ClusterNodes(address);
    return { ...nodes.access, Connector: connectorTo(nodes, slotOf(place.key)) };
  }
  const { username, password, tls, database } = address;
  const access = {
    db: database,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls: given(tls) }),
  };
  if (address.kind === 'single') {
    const { host, port, family } = address;
    return { host, port, ...(family !== undefined && { family }), ...access };
  }
  const { sentinels, name, sentinelPassword } = address;
  return {
    sentinels: sentinels.map((sentinel) => ({ ...sentinel })),
    name,
    role: 'master',
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(tls !== undefined && { sentinelTLS: given(tls), enableTLSForSentinelMode: true }),
    ...access,
  };
}

/** Errors that say that this is no longer the server for it, and that nothing was done. */
const ELSEWHERE = /^(READONLY|MOVED|CLUSTERDOWN)\b/;

/** Did Redis answer that another server has what was asked for? Only a new connection gets there. */
export function isElsewhere({ message }: Error): boolean {
  return ELSEWHERE.test(message);
}
