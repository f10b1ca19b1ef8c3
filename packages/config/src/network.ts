import { isIP, isIPv4 } from 'node:net';
import type { Kind } from './setting.ts';

/** An IP address or a CIDR block, e.g. `10.0.0.0/8`. */
export const cidr: Kind<string> = {
  allowed: 'an IP address or CIDR block (10.0.0.0/8, fd00::/8)',
  format: String,
  parse: (given) => {
    const [address = '', length, ...rest] = given.split('/');
    if (/^\[.*\]$/.test(address)) return { fault: 'an IPv6 address stands without brackets here' };
    if (isIP(address) === 0 || rest.length > 0) return { fault: '' };
    if (length === undefined) return { value: given };
    const max = isIPv4(address) ? 32 : 128;
    if (!/^\d{1,3}$/.test(length) || Number(length) > max)
      return { fault: `the prefix length is not 0..${max}` };
    return { value: given };
  },
};
