import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Every IPv4 block that is not for the public internet (IANA special-purpose registry), and multicast. */
const NOT_PUBLIC_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** Within 2000::/3, which is all that is public: Teredo and the like, documentation, 6to4. */
const NOT_PUBLIC_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];

const notPublic = new BlockList();
for (const [net, prefix] of NOT_PUBLIC_V4) notPublic.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of NOT_PUBLIC_V6) notPublic.addSubnet(net, prefix, 'ipv6');
const publicV6 = new BlockList();
publicV6.addSubnet('2000::', 3, 'ipv6');

/** Of RFC 6052: what a NAT64 of the network leads to an IPv4 address, which stands in its last 32 bits. */
const nat64 = new BlockList();
nat64.addSubnet('64:ff9b::', 96, 'ipv6');

/** The IPv4 address that a NAT64 address leads to; `undefined` when it is none. */
function embeddedIpv4(address: string): string | undefined {
  if (!nat64.check(address, 'ipv6')) return undefined;
  // The URL parser writes IPv6 in one form: without dots and zeros in front.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':');
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The address is refused: it isn't public, and not allowed by the settings. */
class RefusedAddressError extends Error {
  readonly code = 'WEBHOOK_ADDRESS_REFUSED';
  readonly retryable = false;
  override readonly name = 'RefusedAddressError';
}

/** Addresses that may be delivered to: public ones, and those of `allowedNetworks`. */
export class AddressPolicy {
  readonly #allowed = new BlockList();

  constructor(allowedNetworks: readonly string[]) {
    for (const network of allowedNetworks) {
      const [address = '', length] = network.split('/');
      const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
      this.#allowed.addSubnet(
        address,
        length === undefined ? (family === 'ipv4' ? 32 : 128) : Number(length),
        family,
      );
    }
  }

  allows({ address, family }: Address): boolean {
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (this.#allowed.check(address, type)) return true;
    const embedded = family === 6 ? embeddedIpv4(address) : undefined;
    if (embedded !== undefined) return this.allows({ address: embedded, family: 4 });
    return !notPublic.check(address, type) && (family === 4 || publicV6.check(address, 'ipv6'));
  }

  /**
   * Resolves a host of a URL to the addresses that may be used, in the order in which they are to be tried. Every one must be allowed: a
   * name that has both kinds is somebody's attempt to get in. @throws RefusedAddressError
   */
  async resolve(host: string): Promise<readonly [Address, ...Address[]]> {
    const name = host.replace(/^\[|\]$/g, '');
    const family = isIP(name);
    const found =
      family === 0
        ? ((await lookup(name, { all: true })) as readonly Address[])
        : [{ address: name, family: family as 4 | 6 }];
    const refused = found.find((address) => !this.allows(address));
    if (refused !== undefined)
      throw new RefusedAddressError(
        `${host} has the address ${refused.address}, which is not public; CARILLON_WEBHOOKS_ALLOWED_NETWORKS may allow it`,
      );
    return found as readonly [Address, ...Address[]];
  }
}
