import type { RedisOptions } from 'ioredis';
import type { RedisAddress } from './address.ts';
import { ClusterNodes, given } from './cluster-nodes.ts';
import { connectorTo } from './primary-connector.ts';
import { Sentinels } from './sentinels.ts';
import { slotOf } from './slots.ts';

/** Options of a connection that determine its server. */
export type RedisWay = Pick<
  RedisOptions,
  'Connector' | 'host' | 'port' | 'family' | 'db' | 'username' | 'password' | 'tls'
>;

export interface RedisPlace {
  /** All that the connection is for lies in the slot of this key. Only on a cluster. */
  readonly key: string;
  /** Shared by the connections of a process. Default: of its own. */
  readonly nodes?: ClusterNodes;
  /** The same with Sentinel. */
  readonly sentinels?: Sentinels;
}

/**
 * Connection options for an address, besides the caller's own. With Sentinel or Cluster each new connection leads to
 * the present primary; after {@link isElsewhere} the caller has to connect anew. With Sentinel a connection to a
 * replaced primary is ended automatically.
 */
export function connectionOptions(address: RedisAddress, place: RedisPlace): RedisWay {
  if (address.kind === 'cluster') {
    const nodes = place.nodes ?? new ClusterNodes(address);
    const slot = slotOf(place.key);
    return { ...nodes.access, Connector: connectorTo({ primary: () => nodes.primaryOf(slot) }) };
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
  return { Connector: connectorTo(place.sentinels ?? new Sentinels(address)), ...access };
}

/** Errors that say that this is no longer the server for it, and that nothing was done. */
const ELSEWHERE = /^(READONLY|MOVED|CLUSTERDOWN)\b/;

/** Did Redis answer that another server has what was asked for? Only a new connection gets there. */
export function isElsewhere({ message }: Error): boolean {
  return ELSEWHERE.test(message);
}
