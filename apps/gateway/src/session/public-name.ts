import { hash } from 'node:crypto';

/**
 * A gateway as clients see it, in `connected`, in ids of connections and messages. Its id in logs and in the routing table begins with the
 * name of its host, which is for operators alone.
 */
export function publicName(gateway: string): string {
  return `g${hash('sha256', gateway, 'hex').slice(0, 12)}`;
}
