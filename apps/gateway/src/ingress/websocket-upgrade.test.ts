/** Requests that ask for an upgrade: those that get one, and those that are answered. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { BarePeer, type RunningGateway, startGateway } from '../running-gateway.suite.ts';

let gateway: RunningGateway;
afterEach(() => gateway.stop());

const UPGRADE = {
  upgrade: 'websocket',
  connection: 'Upgrade, close',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

function ask(line: string, headers: Record<string, string>): Promise<string> {
  return exchange(`${line} HTTP/1.1\r\n${linesOf({ host: 'gateway', ...headers }).join('\r\n')}\r\n\r\n`);
}

function linesOf(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
}

/** Everything that is answered until the server closes. */
async function exchange(request: string): Promise<string> {
  const socket = connect(gateway.port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
  });
  socket.write(request);
  await once(socket, 'close');
  return answer;
}

describe('a request that asks for an upgrade', () => {
  it('of a page of another origin is accepted to say that it is refused, and ended whatever the page does', async () => {
    gateway = await startGateway({ CARILLON_ALLOWED_ORIGINS: 'https://good.example' });
    const answer = await ask('GET /v1/ws', { ...UPGRADE, origin: 'https://bad.example' });
    expect(answer).toMatch(/^HTTP\/1.1 101 /);
    expect(answer).toContain('"code":"ORIGIN_REFUSED"');
  });

  it('is refused by a gateway that is full', async () => {
    gateway = await startGateway({ CARILLON_MAX_CONNECTIONS: '1' });
    const only = await BarePeer.join(gateway.port, 'ada');
    const answer = await ask('GET /v1/ws', UPGRADE);
    expect(answer).toMatch(/^HTTP\/1.1 503 /);
    expect(answer).toMatch(/retry-after: 5/i);
    expect(answer).toContain('"code":"AT_CAPACITY"');
    only.socket.terminate();
  });

  it.each([
    ['GET /health', 'HTTP/1.1', [], {}, 400],
    ['GET /health', 'HTTP/1.1', ['gateway', 'other'], {}, 400],
    ['GET /health', 'HTTP/1.1', ['gateway', 'gateway'], {}, 400],
    ['GET /health', 'HTTP/1.0', ['gateway', 'other'], {}, 400],
    ['GET /v1/ws', 'HTTP/1.1', [], UPGRADE, 400],
    ['GET /v1/ws', 'HTTP/1.1', ['gateway', 'other'], UPGRADE, 400],
    ['GET /health', 'HTTP/1.1', ['gateway'], {}, 200],
    // Health checks of proxies.
    ['GET /health', 'HTTP/1.0', [], {}, 200],
  ])('%s %s with the hosts %j %j: %i', async (line, version, hosts, headers, status) => {
    gateway = await startGateway();
    const lines = [...hosts.map((host) => `Host: ${host}`), ...linesOf({ connection: 'close', ...headers })];
    const answer = await exchange(`${line} ${version}\r\n${lines.join('\r\n')}\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 400) expect(answer).toContain('"code":"BODY_INVALID"');
  });

  it.each([
    ['GET /health', 'h2c', 200],
    ['GET /v1/ws', 'h2c', 426],
    ['GET /v1/wsx', 'websocket', 404],
    ['DELETE /v1/ws', 'websocket', 405],
  ])('%s, to %s: is answered as without it', async (line, upgrade, status) => {
    gateway = await startGateway();
    expect(await ask(line, { ...UPGRADE, upgrade })).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });
});
