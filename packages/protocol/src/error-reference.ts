import { afterClose, CLOSES } from './close-codes.ts';
import { ERRORS } from './errors.ts';
import { SDK_ERRORS } from './sdk-errors.ts';
import { SERVICE_ERRORS } from './service-errors.ts';

/** docs/reference/errors.md. */
export function errorReference(): string {
  const errors = Object.entries(ERRORS).map(
    ([code, { retryable, status, meaning, remedy }]) =>
      `| \`${code}\` | ${retryable ? 'yes' : 'no'} | ${status} | ${meaning} | ${remedy} |`,
  );
  const closes = Object.entries(CLOSES).map(
    ([name, { code, meaning }]) => `| ${code} | \`${name}\` | ${afterClose(code)} | ${meaning} |`,
  );
  const sdk = Object.entries(SDK_ERRORS).map(
    ([code, { sdk, meaning }]) => `| \`${code}\` | \`${sdk}\` | ${meaning} |`,
  );
  const service = Object.entries(SERVICE_ERRORS).map(
    ([code, { retryable, meaning, remedy }]) => `| \`${code}\` | ${retryable} | ${meaning} | ${remedy} |`,
  );
  return `# Errors and close codes

Generated from the registries in \`packages/protocol/src\`. Over WebSocket an error is a frame
\`{"type":"error","re":...,"code":...,"message":...,"retryable":...}\`; over HTTP it is the body
\`{"error":{"code":...,"message":...,"retryable":...}}\` with the status below. The message of an error names what came and what is allowed.

## Error codes

| code | retry? | HTTP | meaning | what to do |
|---|---|---|---|---|
${errors.join('\n')}

## Codes that only the SDKs give

They happen before or instead of an answer.

| code | SDK | meaning |
|---|---|---|
${sdk.join('\n')}

## Codes in logs

They stay inside the services. Clients never get them; where one is the reason why a request fails, the answer has a code from above.

| code | retry? | meaning | what to do |
|---|---|---|---|
${service.join('\n')}

## Close codes of WebSocket connections

| code | name | the client should | meaning |
|---|---|---|---|
${closes.join('\n')}

4000-4099: reconnect with backoff. 4100-4199: reconnect only with a new token. 4200-4299: do not reconnect.
`;
}
