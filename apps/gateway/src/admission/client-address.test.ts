import { describe, expect, it } from 'vitest';
import { addressGroup, ClientAddresses, isLoopback, peerAddress } from './client-address.ts';

describe('the client behind trusted proxies', () => {
  const addresses = new ClientAddresses(['10.0.0.0/8', '127.0.0.1', 'fd00::/8']);

  it.each([
    ['one proxy', '203.0.113.7', '203.0.113.7'],
    ['two of them', '203.0.113.7, 10.1.2.3', '203.0.113.7'],
    ['what the client itself wrote in front is not believed', '1.1.1.1, 203.0.113.7', '203.0.113.7'],
    [
      'a proxy that is not trusted counts as the client',
      '203.0.113.7, 198.51.100.9, 10.1.2.3',
      '198.51.100.9',
    ],
    ['with a port', '203.0.113.7:4711', '203.0.113.7'],
    ['IPv6 with a port', '[2001:db8::1]:4711', '2001:db8::1'],
    ['IPv6', '2001:db8::1', '2001:db8::1'],
    ['IPv4 in the form of IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['only trusted ones: the farthest', '10.9.9.9,fd00::1', '10.9.9.9'],
    ['nothing', '', '10.0.0.1'],
    ['what is no address: the hop that wrote it', 'unknown', '10.0.0.1'],
    ['the same behind a proxy', 'unknown, 10.1.2.3', '10.1.2.3'],
    ['empty entries', '203.0.113.7,', '10.0.0.1'],
  ])('%s', (_name, header, client) => {
    expect(addresses.behind('10.0.0.1', header)).toBe(client);
  });

  it('is looked for in the last 20 entries only', () => {
    const header = `203.0.113.7,${Array<string>(50_000).fill('10.1.1.1').join(',')}`;
    const startMs = performance.now();
    expect(addresses.behind('10.0.0.1', header)).toBe('10.1.1.1');
    expect(performance.now() - startMs).toBeLessThan(50);
  });

  it('are those that are listed', () => {
    expect(addresses.isTrustedProxy('10.200.0.1')).toBe(true);
    expect(addresses.isTrustedProxy('fd12::1')).toBe(true);
    expect(addresses.isTrustedProxy('11.0.0.1')).toBe(false);
    expect(addresses.isTrustedProxy('unknown')).toBe(false);
    expect(new ClientAddresses([]).isTrustedProxy('127.0.0.1')).toBe(false);
  });
});

it.each([
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::1', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
])('%s counts as %s', (address, group) => {
  expect(addressGroup(address)).toBe(group);
});

it('a peer has its address, of IPv4 in its own form', () => {
  expect(peerAddress('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(peerAddress('2001:db8::1')).toBe('2001:db8::1');
  expect(peerAddress(undefined)).toBe('unknown');
  expect(['127.0.0.1', '127.9.9.9', '::1', '192.0.2.1', '2001:db8::1'].map(isLoopback)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});
