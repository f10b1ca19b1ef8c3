import { createOriginMatcher } from '@carillon/config';
import type { Logger } from '@carillon/telemetry';
import { describe, expect, it } from 'vitest';
import { PageOrigins } from './page-origins.ts';

function origins(host: string, listed: readonly string[] = []) {
  const told: unknown[] = [];
  const logger = {
    warn: (fields: object, text: string) => told.push({ ...fields, text }),
  } as unknown as Logger;
  return { told, pages: new PageOrigins({ listed: createOriginMatcher(listed), host, logger }) };
}

const DEVELOPMENT = [
  'http://localhost:5173',
  'http://127.0.0.1:3000',
  'http://[::1]:5173',
  'https://app.localhost',
];

describe('pages of this machine', () => {
  it.each(['127.0.0.1', 'localhost', '::1'])('may use a gateway that listens on %s alone', (host) => {
    const { pages, told } = origins(host);
    expect(DEVELOPMENT.filter((origin) => !pages.allows(origin, '127.0.0.1:8080'))).toEqual([]);
    expect(told).toEqual([]);
  });

  it.each(['0.0.0.0', '::', '10.0.0.7'])(
    'may not use one that others reach, on %s, unless they are listed',
    (host) => {
      const { pages } = origins(host, ['http://localhost:5173']);
      expect(DEVELOPMENT.filter((origin) => pages.allows(origin, 'rt.example.com'))).toEqual([
        'http://localhost:5173',
      ]);
    },
  );
});

it.each([
  'http://localhost.evil.example',
  'http://evil.example#localhost',
  'http://127.0.0.1.evil.example',
  'http://127.0.0.1@evil.example',
  'file://localhost',
  'null',
  'http://localhost:5173/',
])('%s is no page of this machine', (origin) => {
  expect(origins('127.0.0.1').pages.allows(origin, '127.0.0.1:8080')).toBe(false);
});

it('a page that is refused is told once, with the setting that allows it, and not without end', () => {
  const { pages, told } = origins('127.0.0.1');
  for (let n = 0; n < 3; n++) pages.allows('https://app.example.com', '127.0.0.1:8080');
  expect(told).toEqual([
    {
      origin: 'https://app.example.com',
      text: 'a page of this origin was refused: add it to CARILLON_ALLOWED_ORIGINS if it is yours',
    },
  ]);
  for (let n = 0; n < 1000; n++) pages.allows(`https://a${n}.example.com`);
  expect(told.length).toBe(100);
});
