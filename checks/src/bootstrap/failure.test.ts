import { expect, test } from 'vitest';
import { failureFrom, fileSystemFailure } from '../../../bootstrap/failure.mjs';

test.each([
  ['npm error code EAI_AGAIN\nnpm error syscall getaddrinfo', /cannot be reached/],
  ['error sending request: client error (Connect): dns error: failed to lookup', /cannot be reached/],
  ['npm error code ENOSPC\nnpm error ENOSPC: no space left on device, write', /disk is full/],
  ['npm error code EACCES\nnpm error path /root/.npm', /cannot be written to/],
  ['npm error code SELF_SIGNED_CERT_IN_CHAIN', /certificate is not trusted/],
  ['npm error code E404\nnpm error 404 Not Found', /does not have a package/],
  ['Error: ERR_PNPM_OUTDATED_LOCKFILE', /pnpm-lock.yaml has not/],
])('%j is explained', (output, explanation) => {
  const failure = failureFrom('Installing', output);
  expect(failure.message).toMatch(explanation);
  expect(failure.fix).not.toBe('');
  expect(failure.details).toBe(output);
});

test('what is not known is shown, its end only', () => {
  const output = Array.from({ length: 40 }, (_, line) => `line ${line}`).join('\n');
  const failure = failureFrom('Installing', output);
  expect(failure.message).toBe('Installing failed.');
  expect(failure.details.split('\n')).toHaveLength(15);
  expect(failure.details).toContain('line 39');
});

test('a refusal of the file system is explained, a fault of the program is not', () => {
  const refused = Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), { syscall: 'mkdir' });
  expect(fileSystemFailure(refused)?.message).toMatch(/cannot be written to/);
  expect(fileSystemFailure(new TypeError('x is not a function'))).toBeUndefined();
});
