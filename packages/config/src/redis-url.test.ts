import { expect, it } from 'vitest';
import { redactUrlPassword } from './redact.ts';
import { redisUrl } from './redis-url.ts';

it.each([
  'redis://localhost:6379/0',
  'rediss://u:p@h',
  'redis://u:p@ss@h/15',
  'redis://[::1]:6379/?family=6',
  'redis+cluster://10.0.0.1:7000,redis-2,[::1]:7001',
  'rediss+cluster://u:p@h/',
  'redis+sentinel://:p@a:26379,b/main',
  'rediss+sentinel://a/main/3?sentinelPassword=x',
])('%s is where Redis may be', (given) => {
  expect(redisUrl.parse(given)).toEqual({ value: given });
});

it.each([
  ['http://h', 'its scheme is http://'],
  ['redis://h:0', 'nobody can be reached at port 0'],
  ['redis://h/abc', 'the database is "abc", and Redis numbers its databases: 0, 1, 2, ...'],
  ['redis://h/0/1', 'the database is "0/1", and Redis numbers its databases: 0, 1, 2, ...'],
  ['redis://h/-1', 'the database is "-1", and Redis numbers its databases: 0, 1, 2, ...'],
  ['redis:///0', 'the host is missing'],
  ['redis://h?db=3', 'db: the only parameter is family (0, 4 or 6)'],
  ['redis+cluster://', 'it is not redis+cluster:// or redis+sentinel:// with hosts'],
  ['redis+nonsense://h', 'it is not redis+cluster:// or redis+sentinel:// with hosts'],
  ['redis+cluster://a:1,b:65536', 'nobody can be reached at port 65536'],
  ['redis+cluster://a:1;b', '"a:1;b" is no host:port'],
  ['redis+cluster://a/1', 'a cluster has one database: its URL ends with the hosts'],
  ['redis+sentinel://a', 'the name that the sentinels have for the primary is missing: .../name'],
  ['redis+sentinel://a/main?db=1', 'after the name come /database and ?sentinelPassword=... at most'],
])('%s is refused', (given, fault) => {
  expect(redisUrl.parse(given)).toEqual({ fault });
});

it.each([
  'redis://:hunter@2/x@h:6379/0',
  'redis://u:hunter/2@h',
  'redis://u:hunter#2@h',
  'redis://u:hunter?2@h',
  'redis://hunter/2@h',
  'redis+cluster://:hunter/2@h:1,i:2',
  'redis+sentinel://:hunter#2@h/main',
])('%s: a password is not taken for a host, and not shown', (given) => {
  expect(redisUrl.parse(given)).toEqual({ fault: expect.stringContaining('an @ stands behind the host') });
  expect(redactUrlPassword(given)).not.toContain('hunter');
});

it('passwords of several hosts are not shown', () => {
  expect(redactUrlPassword('redis+cluster://u:hunter@2@a:1,b:2')).toBe('redis+cluster://u:***@a:1,b:2');
  expect(redactUrlPassword('redis+sentinel://:hunter2@a/main?sentinelPassword=hunter3')).toBe(
    'redis+sentinel://:***@a/main?sentinelPassword=***',
  );
});
