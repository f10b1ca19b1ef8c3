/** The program that `helm test` runs beside a real gateway: infra/helm/carillon-gateway/files/publish-subscribe.mjs. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, SECRET, startGateway, tokenOf } from './running-gateway.suite.ts';

const PROGRAM = fileURLToPath(
  new URL('../../../infra/helm/carillon-gateway/files/publish-subscribe.mjs', import.meta.url),
);
const folder = mkdtempSync(join(tmpdir(), 'carillon-helm-test-'));
let gateway: RunningGateway;

beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs it with a file of this name, which says what is in it. */
function run(file: string, content: string, port = gateway.port): Promise<{ code: number; said: string }> {
  writeFileSync(join(folder, file), content);
  const args = [PROGRAM, `ws://127.0.0.1:${port}/v1/ws`, 'helm-test:probe', join(folder, file)];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, said) =>
      resolve({ code: error === null ? 0 : Number(error.code), said }),
    );
  });
}

it('publishes and receives with a token that it signs', async () => {
  expect(await run('jwt-secret', `${SECRET}\n`)).toEqual({
    code: 0,
    said: 'published and received on helm-test:probe\n',
  });
});

it('publishes and receives with a token that it is given', async () => {
  expect((await run('token', await tokenOf('probe'))).code).toBe(0);
});

it('fails with what the gateway said when the secret is another one', async () => {
  const { code, said } = await run('jwt-secret', 'another-secret-0123456789-0123456789-0123');
  expect(code).toBe(1);
  expect(said).toContain('TOKEN_SIGNATURE_INVALID');
});

it('fails when no gateway is there', async () => {
  const { code, said } = await run('jwt-secret', SECRET, 9);
  expect(code).toBe(1);
  expect(said).toContain('can not be reached');
});
