/** A gateway that stops answers the publishes that it has, and gives none of them half an answer. */
import { Agent, request } from 'node:http';
import { expect, it } from 'vitest';
import { startGateway, tokenOf } from '../running-gateway.suite.ts';

interface Ended {
  readonly refused: readonly string[];
  readonly end: string | undefined;
}

/** Publishes again and again on one connection, until nobody answers any more. */
async function publishUntilRefused(port: number, token: string, onAccepted: () => void): Promise<Ended> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const refused: string[] = [];
  for (;;) {
    const publishing = request({ port, path: '/v1/channels/a/messages', method: 'POST', headers, agent });
    publishing.end('{"payload":1}');
    const outcome = await new Promise<number | string | undefined>((resolve) => {
      publishing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      publishing.on('response', (response) => {
        response.resume().once('end', () => resolve(response.statusCode));
      });
    });
    if (outcome === 200) onAccepted();
    else if (typeof outcome === 'number') refused.push(String(outcome));
    else {
      agent.destroy();
      return { refused, end: outcome };
    }
  }
}

it('16 busy publishers over HTTP: each publish is answered, then connections are refused', async () => {
  const gateway = await startGateway();
  const token = await tokenOf('ada');
  const answered = Array.from({ length: 16 }, () => Promise.withResolvers<void>());
  const publishers = answered.map(({ resolve }) => publishUntilRefused(gateway.port, token, resolve));
  await Promise.all(answered.map(({ promise }) => promise));
  await gateway.stop();
  const ended = await Promise.all(publishers);
  expect(ended.flatMap(({ refused }) => refused)).toEqual([]);
  expect(ended.map(({ end }) => end)).toEqual(Array<string>(16).fill('ECONNREFUSED'));
});
