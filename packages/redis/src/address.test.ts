import { describe, expect, it } from 'vitest';
import { readRedisAddress } from './address.ts';

describe('where Redis is', () => {
  it('leaves single servers to the client library', () => {
    for (const url of ['redis://h:1/0', 'rediss://u:p@h', 'unix:///redis.sock'])
      expect(readRedisAddress(url)).toEqual({ kind: 'single', url });
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
      isEncrypted: false,
    });
    expect(readRedisAddress('rediss+cluster://me:a%40b@h:1/')).toMatchObject({
      username: 'me',
      password: 'a@b',
      isEncrypted: true,
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
      isEncrypted: false,
    });
  });

  it.each([
    ['redis+cluster://', 'expected redis+cluster'],
    ['redis+other://h', 'expected redis+cluster'],
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
