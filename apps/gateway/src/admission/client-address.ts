import { BlockList, isIP, isIPv4 } from 'node:net';

/** Forwarded addresses that are looked at, from the nearest proxy on: a client can put any number of them in front. */
const MAX_HOPS = 20;
const MAPPED_IPV4 = '::ffff:';

/** Tells proxies whose `X-Forwarded-For` is believed, and finds the client behind them. */
export class ClientAddresses {
  readonly #trusted: BlockList | undefined;

  /** @param trustedProxies IP addresses and CIDR blocks; empty: no header is believed. */
  constructor(trustedProxies: readonly string[]) {
    this.#trusted = trustedProxies.length === 0 ? undefined : blockListOf(trustedProxies);
  }

  /** `address` as `peerAddress` returns it. */
  isTrustedProxy(address: string): boolean {
    return this.#trusted?.check(address, isIPv4(address) ? 'ipv4' : 'ipv6') === true;
  }

  /**
   * The client behind `proxy`, which is trusted: the last forwarded address that no trusted proxy has. What stands before it was
   * written by the client itself or by somebody who isn't trusted. An entry that is no address ends the search at the hop that wrote it.
   */
  behind(proxy: string, forwardedFor: string): string {
    let client = proxy;
    let end = forwardedFor.length;
    for (let hop = 0; hop < MAX_HOPS && end >= 0; hop++) {
      const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
      const address = forwardedAddress(forwardedFor.slice(comma + 1, end).trim());
      if (address === undefined) return client;
      client = address;
      if (!this.isTrustedProxy(address)) return client;
      end = comma;
    }
    return client;
  }
}

/** The address of a socket's peer; IPv4 in its own form where the socket is one of IPv6. `unknown` for a peer that is gone. */
export function peerAddress(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return 'unknown';
  return remoteAddress.startsWith(MAPPED_IPV4) && remoteAddress.includes('.')
    ? remoteAddress.slice(MAPPED_IPV4.length)
    : remoteAddress;
}

export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/**
 * The group of addresses that limits count as one client: an IPv4 address, and for IPv6 the /64, the least that a
 * provider assigns to a customer.
 */
export function addressGroup(address: string): string {
  return address.includes(':') ? network64(address) : address;
}

function network64(address: string): string {
  const [before = '', after] = address.split('%', 1)[0]!.split('::', 2);
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  // An IPv4 address at the end takes the room of two groups.
  const tailLength = tail.length + (tail.at(-1)?.includes('.') === true ? 1 : 0);
  const zeros = after === undefined ? 0 : Math.max(0, 8 - head.length - tailLength);
  const groups = [...head, ...Array<string>(zeros).fill('0'), ...tail].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '').toLowerCase()).join(':')}::/64`;
}

/** `192.0.2.1`, `192.0.2.1:1234`, `2001:db8::1`, `[2001:db8::1]:1234`. A string of its own: a part would keep the header in memory. */
function forwardedAddress(entry: string): string | undefined {
  const bare =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(entry)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(entry)?.[1] ?? entry;
  if (bare.length > 64 || isIP(bare) === 0) return undefined;
  return peerAddress(Buffer.from(bare, 'latin1').toString('latin1'));
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const family = isIPv4(address) ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
