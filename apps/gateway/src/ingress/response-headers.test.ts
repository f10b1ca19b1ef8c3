/** Response headers: nothing that helps an attacker, nothing that caches may keep. */
import type { ServerFrame } from '@carillon/protocol';
import { afterEach, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway, tokenOf } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
const peers: BarePeer[] = [];

afterEach(async () => {
  for (const peer of peers.splice(0)) peer.socket.terminate();
  await gateway.stop();
});

async function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return await fetch(`http://127.0.0.1:${gateway.port}${path}`, {
    headers: { authorization: `Bearer ${await tokenOf('ada')}`, ...headers },
  });
}

it('nothing of the API is kept by a cache: history, positions, refusals', async () => {
  gateway = await startGateway();
  const paths = [
    '/v1/channels/chat:a/messages',
    '/v1/channels/chat:a/consumers',
    '/v1/users/ada/sessions',
    '/v1/nothing',
  ];
  for (const path of paths) expect((await get(path)).headers.get('cache-control')).toBe('no-store');
});

it('a page that only * allows gets no credentials; one that is named does', async () => {
  gateway = await startGateway({ CARILLON_ALLOWED_ORIGINS: '*,https://app.example.com' });
  const of = async (origin: string): Promise<readonly (string | null)[]> => {
    const { headers } = await get('/v1/channels/chat:a/messages', { origin });
    return ['access-control-allow-origin', 'access-control-allow-credentials'].map((name) =>
      headers.get(name),
    );
  };
  expect(await of('https://evil.example')).toEqual(['*', null]);
  expect(await of('https://app.example.com')).toEqual(['https://app.example.com', 'true']);
});

it('clients are not told the name of the host, not in ids of messages and connections either', async () => {
  gateway = await startGateway({ CARILLON_NODE_ID: 'secret-host-17' });
  const peer = await BarePeer.join(gateway.port, 'ada');
  peers.push(peer);
  await peer.ask({ type: 'subscribe', channels: [{ channel: 'chat:a' }] });
  const accepted = await peer.ask<Extract<ServerFrame, { type: 'accepted' }>>({
    type: 'publish',
    channel: 'chat:a',
    payload: 1,
  });
  await peer.until((frame) => frame.type === 'message');
  expect(JSON.stringify(peer.frames)).not.toContain('secret-host');
  // Operators find the gateway of an id in its log.
  const connected = peer.frames.find((frame) => frame.type === 'connected');
  expect(accepted.id.startsWith(`${connected!.gateway}-`)).toBe(true);
  expect(
    gateway.log.filter((line) => line.includes('secret-host-17') && line.includes(connected!.gateway)),
  ).not.toEqual([]);
});
