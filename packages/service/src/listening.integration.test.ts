import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { createHttpServer, listening } from './http-server.ts';
import { recordedTelemetry } from './recorded-telemetry.suite.ts';

const LOCAL = { host: '127.0.0.1', port: 0 };

function serverWithSlowRoute() {
  const server = createHttpServer(recordedTelemetry().telemetry);
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<string>();
  server.get('/slow', () => {
    asked.resolve();
    return answer.promise;
  });
  return { server, asked: asked.promise, answer: answer.resolve, part: listening(server, LOCAL) };
}

const portOf = (server: ReturnType<typeof createHttpServer>) => (server.server.address() as AddressInfo).port;
const signal = new AbortController().signal;

it('answers what it has begun to answer when it is stopped, and takes no more', async () => {
  const { server, part, asked, answer } = serverWithSlowRoute();
  await part.start?.(signal);
  const url = `http://127.0.0.1:${portOf(server)}/slow`;
  const response = fetch(url);
  await asked;
  const stopped = part.stop?.();
  answer('done');
  expect(await (await response).text()).toBe('done');
  await stopped;
  await expect(fetch(url)).rejects.toThrow();
});

it('is not kept by a client that holds its connection open', async () => {
  const { server, part } = serverWithSlowRoute();
  await part.start?.(signal);
  const idle = connect(portOf(server), '127.0.0.1');
  await once(idle, 'connect');
  const closed = once(idle, 'close');
  await part.stop?.();
  await closed;
});

it('says which port is taken', async () => {
  const first = serverWithSlowRoute();
  await first.part.start?.(signal);
  const port = portOf(first.server);
  const second = listening(serverWithSlowRoute().server, { ...LOCAL, port });
  await expect(second.start?.(signal)).rejects.toThrow(
    `port ${port} of 127.0.0.1 is taken by another process`,
  );
  await first.part.stop?.();
});
