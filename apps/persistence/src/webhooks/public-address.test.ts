import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AddressPolicy } from './public-address.ts';

const addressOf = (address: string) => ({ address, family: isIP(address) as 4 | 6 });

describe('addresses of webhooks', () => {
  const policy = new AddressPolicy([]);

  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.215.14',
    '100.63.255.255',
    '172.32.0.1',
    '2606:4700::1111',
    '2a00:1450::1',
    '64:ff9b::808:808',
    '64:ff9b::8.8.8.8',
  ])('are public: %s', (address) => {
    expect(policy.allows(addressOf(address))).toBe(true);
  });

  it.each([
    '0.0.0.0',
    '10.255.255.255',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b::',
    '64:ff9b:1::808:808',
    'fc00::1',
    'fd12:3456::1',
    'fe80::1',
    'fec0::1',
    'ff02::1',
    '2001:db8::1',
    '2001::1',
    '2002:7f00:1::1',
    '3fff::1',
  ])('are not public: %s', (address) => {
    expect(policy.allows(addressOf(address))).toBe(false);
  });

  it('may be allowed by the settings, and no others', () => {
    const some = new AddressPolicy(['10.1.0.0/16', '127.0.0.1', 'fd00::/8', '::1']);
    const allowed = ['10.1.2.3', '127.0.0.1', 'fd00::1', '::1', '8.8.8.8'];
    const refused = ['10.2.0.1', '127.0.0.2', 'fc00::1', '192.168.0.1'];
    expect(allowed.filter((address) => !some.allows(addressOf(address)))).toEqual([]);
    expect(refused.filter((address) => some.allows(addressOf(address)))).toEqual([]);
  });

  it('are all looked at, and taken from the URL as they are', async () => {
    const local = new AddressPolicy(['127.0.0.0/8']);
    expect(await local.resolve('127.0.0.1')).toEqual([{ address: '127.0.0.1', family: 4 }]);
    await expect(local.resolve('[::1]')).rejects.toMatchObject({ code: 'WEBHOOK_ADDRESS_REFUSED' });
  });
});
