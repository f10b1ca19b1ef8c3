import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sampleSecretWarnings } from './sample-secrets.ts';

const ROOT = new URL('../../../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, ROOT), 'utf8');

/** Sample secrets in the documentation and the compose file. */
const SAMPLES = ['docker-compose.yml', 'docs/guides/deployment.md'].flatMap((file) =>
  [...read(file).matchAll(/(CARILLON_(?:JWT_SECRET|ADMIN_TOKEN))(?::-|=)([\w-]{16,})/g)].map(
    ([, variable, secret]) => [file, variable!, secret!] as const,
  ),
);

it('finds the samples', () => {
  expect(SAMPLES.length).toBeGreaterThan(2);
});

it.each(SAMPLES)(
  '%s: a sample of %s is told when others may reach the service',
  (_file, variable, secret) => {
    expect(sampleSecretWarnings({ [variable]: secret }, '0.0.0.0')).toEqual([
      expect.stringMatching(new RegExp(`^${variable} is the sample .* listens on 0\\.0\\.0\\.0`)),
    ]);
    expect(sampleSecretWarnings({ [variable]: secret }, '::')).toHaveLength(1);
    for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1'])
      expect(sampleSecretWarnings({ [variable]: secret }, host)).toEqual([]);
  },
);

it('says nothing of others, and of none, and never the secret', () => {
  expect(
    sampleSecretWarnings({ A: 'a-secret-of-ones-own-0123456789-abcdef', B: undefined }, '0.0.0.0'),
  ).toEqual([]);
  for (const [, variable, secret] of SAMPLES)
    expect(sampleSecretWarnings({ [variable]: secret }, '0.0.0.0').join('')).not.toContain(secret);
});
