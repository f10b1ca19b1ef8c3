import { afterClose, CLOSES } from './close-codes.ts';
import { ERRORS } from './errors.ts';

/** docs/reference/errors.md. */
export function errorReference(): string {
  const errors = Object.entries(ERRORS).map(
    ([code, { retryable, status, meaning, remedy }]) =>
      `| \`${code}\` | ${retryable ? 'yes' : 'no'} | ${status} | ${meaning} | ${remedy} |`,
  );
  const closes = Object.entries(CLOSES).map(
    ([name, { code, meaning }]) => `| ${code} | \`${name}\` | ${afterClose(code)} | ${meaning} |`,
  );
  return `# Errors and close codes

Generated from \`packages/protocol/src/errors.ts\` and \`close-codes.ts\`. Over WebSocket an error is a frame
\`{"type":"error","re":...,"code":...,"message":...,"retryable":...}\`; over HTTP it is the body
\`{"error":{"code":...,"message":...,"retryable":...}}\` with the status below. The message of an error names what came and what is allowed.

## Error codes

| code | retry? | HTTP | meaning | what to do |
|---|---|---|---|---|
${errors.join('\n')}

## Close codes of WebSocket connections

| code | name | the client should | meaning |
|---|---|---|---|
${closes.join('\n')}

4000-4099: reconnect with backoff. 4100-4199: reconnect only with a new token. 4200-4299: do not reconnect.
`;
}
