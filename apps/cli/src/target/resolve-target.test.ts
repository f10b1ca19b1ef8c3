import { describe, expect, it } from 'vitest';
import { resolveTarget } from './resolve-target.ts';

describe('--url', () => {
  it.each(['nonsense', 'localhost:8080', 'ftp://rt.example.com', ''])(
    'refuses "%s" as a wrong call',
    (url) => {
      expect(() => resolveTarget({ url, token: 'jwt' })).toThrow(
        expect.objectContaining({ name: 'CliError', exitCode: 2 }),
      );
    },
  );

  it.each(['http://127.0.0.1:8080', 'wss://rt.example.com/v1/ws'])('takes %s', (url) => {
    expect(resolveTarget({ url, token: 'jwt' })).toMatchObject({ url, source: 'flag' });
  });
});
