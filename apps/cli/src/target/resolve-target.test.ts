import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ownIdentity } from '../process-identity.ts';
import { writeDevState } from './dev-state.ts';
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

describe('beside a running instance', () => {
  const dir = mkdtempSync(join(tmpdir(), 'carillon-target-'));
  const gatewayUrl = 'http://127.0.0.1:8080';
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(dir, { recursive: true, force: true });
  });

  it('every address that its start prints is that instance, and its secret goes to no other', () => {
    writeDevState(dir, {
      process: ownIdentity(),
      gatewayUrl,
      adminUrl: 'http://127.0.0.1:8081',
      jwtSecret: 'a-secret-of-more-than-32-characters-0001',
    });
    vi.stubEnv('CARILLON_DATA_DIR', dir);
    for (const url of [gatewayUrl, `${gatewayUrl}/`, 'ws://127.0.0.1:8080/v1/ws', 'http://127.0.0.1:8081']) {
      const { url: used, auth } = resolveTarget({ url });
      expect(used, url).toBe(gatewayUrl);
      expect(auth.getToken, url).toBeDefined();
    }
    for (const url of ['ws://127.0.0.1:8090/v1/ws', 'ws://127.0.0.1:8080/other', 'https://rt.example.com'])
      expect(resolveTarget({ url }), url).toMatchObject({ url, auth: {} });
  });
});
