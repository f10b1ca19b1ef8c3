/**
 * Test run by `helm test`: subscribes a channel at the gateway, publishes to it, and waits for the message.
 *   node publish-subscribe.mjs <address> <channel> <file with jwt-secret or token, named so>
 * Needs nothing but Node: it runs in the image of the gateway.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const TIMEOUT_MS = 30_000;
const [address, channel, file] = process.argv.slice(2);

function mint(secret) {
  const now = Math.floor(Date.now() / 1000);
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const capabilities = { [channel]: ['subscribe', 'publish'] };
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: 'helm-test', iat: now, exp: now + 300, capabilities })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

function end(code, text) {
  process.stdout.write(`${text}\n`);
  process.exit(code);
}

const given = readFileSync(file, 'utf8').trim();
const token = basename(file) === 'token' ? given : mint(given);
const payload = randomUUID();
let said = 'nothing yet';
setTimeout(() => end(1, `no message within ${TIMEOUT_MS / 1000} s; the gateway said: ${said}`), TIMEOUT_MS);

const socket = new WebSocket(address, ['carillon.v1.json']);
const send = (frame) => socket.send(JSON.stringify(frame));
socket.addEventListener('open', () => send({ type: 'connect', id: 1, token }));
socket.addEventListener('close', ({ code, reason }) =>
  end(1, `closed with ${code} ${reason}; before that: ${said}`),
);
socket.addEventListener('error', ({ message }) => end(1, `${address} can not be reached: ${message}`));
socket.addEventListener('message', ({ data }) => {
  said = data;
  const frame = JSON.parse(data);
  if (frame.type === 'error') end(1, `refused: ${data}`);
  else if (frame.type === 'connected') send({ type: 'subscribe', id: 2, channels: [{ channel }] });
  else if (frame.type === 'subscribed') send({ type: 'publish', id: 3, channel, payload });
  else if (frame.type === 'message' && frame.payload === payload)
    end(0, `published and received on ${channel}`);
});
