import { describe, expect, it } from 'vitest';
import { postgresUrl, readPostgresAddress } from './postgres-url.ts';
import { redactUrlPassword } from './redact.ts';

describe('where Postgres is', () => {
  it('one server', () => {
    expect(readPostgresAddress('postgres://u:p%40ss@db:5433/carillon?sslmode=verify-full')).toEqual({
      hosts: [{ host: 'db', port: 5433 }],
      user: 'u',
      password: 'p@ss',
      database: 'carillon',
      encryption: 'verified',
      files: {},
      options: undefined,
      applicationName: undefined,
      mustBeWritable: false,
    });
  });

  it.each([
    'postgres://u@/carillon?host=/var/run/postgresql',
    'postgres:///carillon?host=/var/run/postgresql',
    'postgres://u@%2Fvar%2Frun%2Fpostgresql/carillon',
    'postgresql:///carillon',
  ])('a unix socket: %s', (given) => {
    const { hosts, database } = readPostgresAddress(given);
    expect(hosts).toEqual([{ host: '/var/run/postgresql', port: 5432 }]);
    expect(database).toBe('carillon');
  });

  it('several servers, of which one that takes writes is wanted', () => {
    const hosts = [
      { host: 'a', port: 5432 },
      { host: '::1', port: 5433 },
    ];
    expect(readPostgresAddress('postgres://u:p@a,[::1]:5433/x')).toMatchObject({
      hosts,
      mustBeWritable: true,
    });
    expect(readPostgresAddress('postgres:///x?host=a,b&port=1,2&target_session_attrs=any')).toMatchObject({
      hosts: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
      mustBeWritable: false,
    });
  });

  it.each([
    ['sslmode=disable', 'off'],
    ['sslmode=no-verify', 'unverified'],
    ['sslmode=require', 'verified'],
    ['sslmode=require&uselibpqcompat=true', 'unverified'],
    ['sslrootcert=/ca.pem', 'verified'],
    ['', undefined],
  ])('?%s', (query, encryption) => {
    expect(readPostgresAddress(`postgres://u@db/x?${query}`).encryption).toBe(encryption);
  });
});

it.each([
  ['mysql://u@db/x', 'its scheme is mysql://'],
  ['nonsense', 'it is not a URL'],
  ['postgres://u@db:0/x', 'nobody can be reached at port 0'],
  ['postgres://u@db:x/x', 'a host is not a name'],
  ['postgres://u@db/x?sslmod=verify-full', 'sslmod is no parameter that is known'],
  ['postgres://u@db/x?sslmode=verify', 'sslmode is "verify", and may be disable, no-verify'],
  ['postgres://u@db/x?host=other', 'the host stands in the URL and in ?host='],
  ['postgres://u:hunter%@db/x', 'has to be written as %25'],
  ['postgres://u:hunter@2/y@db/x', 'an @ stands behind the host'],
  ['postgres://u:hunter#2@db/x', 'an @ stands behind the host'],
])('%s is refused, without its password', (given, fault) => {
  expect(postgresUrl.parse(given)).toEqual({ fault: expect.stringContaining(fault) });
  expect(JSON.stringify(postgresUrl.parse(given))).not.toContain('hunter');
});

it('passwords are not shown', () => {
  expect(redactUrlPassword('postgres://u:hunter2@a:1,b:2/x?sslmode=disable')).toBe(
    'postgres://u:***@a:1,b:2/x?sslmode=disable',
  );
  expect(redactUrlPassword('postgres://u:hunter2@/x?host=/tmp')).toBe('postgres://u:***@/x?host=/tmp');
});
