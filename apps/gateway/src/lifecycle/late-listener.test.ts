/** A gateway listens when it can serve; one that has to wait for what it needs says so. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { createHttpServer, listening, type Part, ServiceShell } from '@carillon/service';
import { createTelemetry } from '@carillon/telemetry';
import { freePort } from '@carillon/testing';
import { afterEach, expect, it } from 'vitest';
import { LateListener } from './late-listener.ts';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A service with a listener and one part that it needs, which starts when the test says so. */
async function serviceWith(port: number) {
  const telemetry = createTelemetry({
    service: 'gateway',
    instanceId: 'test',
    version: '0',
    levels: { level: 'error', modules: {} },
    format: 'json',
    stream: { write: () => undefined },
    processMetrics: false,
  });
  const shell = new ServiceShell(telemetry);
  const server = createHttpServer(telemetry);
  server.get('/health', () => 'here');
  const listener = new LateListener(listening(server, { host: '127.0.0.1', port }));
  const asked = Promise.withResolvers<void>();
  const isThere = Promise.withResolvers<void>();
  const log: string[] = [];
  const needed: Part = {
    name: 'needed',
    start: (signal) => {
      signal.addEventListener('abort', () => isThere.reject(new Error('given up')));
      asked.resolve();
      return isThere.promise;
    },
    stop: async () => {
      log.push(server.server.listening ? 'stopped, still listening' : 'stopped, not listening');
    },
  };
  for (const part of [listener.closes, listener.before(needed), listener.opens]) shell.add(part);
  stops.push(() => shell.stop());
  return { shell, asked: asked.promise, arrive: isThere.resolve, log };
}

/** `open`, or the code of the refusal. */
async function ask(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const opened = once(socket, 'connect').then(
    () => 'open',
    (error: NodeJS.ErrnoException) => error.code ?? 'no code',
  );
  const outcome = await opened;
  socket.destroy();
  return outcome;
}

it('keeps its port closed until it can serve, and open until what answers need has stopped', async () => {
  const port = await freePort();
  const { shell, asked, arrive, log } = await serviceWith(port);
  const started = shell.start();
  await asked;
  expect(await ask(port)).toBe('ECONNREFUSED');
  arrive();
  await started;
  expect(await ask(port)).toBe('open');
  await shell.stop();
  expect(log).toEqual(['stopped, still listening']);
  expect(await ask(port)).toBe('ECONNREFUSED');
});

it('listens while it has to wait for long, and is stopped meanwhile', async () => {
  const port = await freePort();
  const { shell, asked } = await serviceWith(port);
  const started = shell.start();
  const failed = expect(started).rejects.toThrow('could not start needed: given up');
  await asked;
  let health: Response | undefined;
  while (health === undefined) health = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
  expect(await health.text()).toBe('here');
  await shell.stop();
  await failed;
  expect(await ask(port)).toBe('ECONNREFUSED');
});

it('names a port that is taken, also while it waits', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  stops.push(async () => other.close());
  const { port } = other.address() as AddressInfo;
  const { shell } = await serviceWith(port);
  await expect(shell.start()).rejects.toThrow(`port ${port} of 127.0.0.1 is taken by another process`);
  const quick = await serviceWith(port);
  quick.arrive();
  await expect(quick.shell.start()).rejects.toThrow(
    `could not start listener on 127.0.0.1:${port}: port ${port} of 127.0.0.1 is taken by another process`,
  );
});
