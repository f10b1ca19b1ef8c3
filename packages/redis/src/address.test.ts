import { describe, expect, it } from 'vitest';
import { readRedisAddress } from './address.ts';

describe('where Redis is', () => {
  it('reads single servers', () => {
    expect(readRedisAddress('redis://h')).toEqual({
      kind: 'single',
      host: 'h',
      port: 6379,
      database: 0,
      family: undefined,
      username: undefined,
      password: undefined,
      tls: undefined,
    });
    expect(readRedisAddress('rediss://u:p@ss@[::1]:7000/15?family=6', { ca: 'PEM' })).toEqual({
      kind: 'single',
      host: '::1',
      port: 7000,
      database: 15,
      family: 6,
      username: 'u',
      password: 'p@ss',
      tls: { ca: 'PEM' },
    });
  });

  it('reads clusters', () => {
    expect(readRedisAddress('redis+cluster://10.0.0.1:7000,redis-2,[::1]:7001')).toEqual({
      kind: 'cluster',
      seeds: [
        { host: '10.0.0.1', port: 7000 },
        { host: 'redis-2', port: 6379 },
        { host: '::1', port: 7001 },
      ],
      username: undefined,
      password: undefined,
      tls: undefined,
    });
    expect(readRedisAddress('rediss+cluster://me:a%40b@h:1/')).toMatchObject({
      username: 'me',
      password: 'a@b',
      tls: {},
    });
  });

  it('reads sentinels', () => {
    expect(readRedisAddress('redis+sentinel://:pass@a,b:1/main/3?sentinelPassword=other')).toEqual({
      kind: 'sentinel',
      sentinels: [
        { host: 'a', port: 26_379 },
        { host: 'b', port: 1 },
      ],
      name: 'main',
      database: 3,
      username: undefined,
      password: 'pass',
      sentinelPassword: 'other',
      tls: undefined,
    });
  });

  it.each([
    ['redis://h/abc', '"abc" is no number of a database'],
    ['redis://h?db=1', 'db: the only parameter'],
    ['redis://h:0', 'nobody can be reached at port 0'],
    ['redis://:hunter/x@h', 'expected redis://'],
    ['redis+cluster://', 'expected redis://'],
    ['redis+other://h', 'expected redis://'],
    ['redis+cluster://h:0', 'nobody can be reached at port 0'],
    ['redis+cluster://h:1:2', '"h:1:2" is no host:port'],
    ['redis+cluster://h/1', 'one database'],
    ['redis+cluster://h?x=1', 'x: a cluster'],
    ['redis+sentinel://h', 'the name'],
    ['redis+sentinel://h/main/x', '"x" is no number'],
    ['redis+sentinel://h/main?x=1', 'x: the only parameter'],
    ['redis+cluster://:hunter%@h', 'written as %25'],
  ])('refuses %s', (url, words) => {
    expect(() => readRedisAddress(url)).toThrow(words);
    expect(() => readRedisAddress(url)).not.toThrow('hunter');
  });
});
