/** Parses upgrade requests and compares the result with Node's parser. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readUpgradeHead } from './upgrade-head.ts';

const BROWSER = [
  'GET /v1/ws?token=a.b.c HTTP/1.1',
  'Host: gateway.example:8443',
  'Connection: keep-alive, Upgrade',
  'Pragma: no-cache',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
  'Upgrade: websocket',
  'Origin: https://gateway.example',
  'Sec-WebSocket-Version: 13',
  'Accept-Language: en-US,en;q=0.9',
  'Cookie: session="a b"; theme=dark',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
  'Sec-WebSocket-Protocol: carillon.v1.json, bearer.abc',
];

interface Read {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly rest: string;
}

let server: Server;
let onRead: (read: Read | undefined) => void;

beforeAll(async () => {
  server = createServer((request, response) => {
    onRead(undefined);
    response.end(request.url);
  });
  server.on('upgrade', ({ url, headers }, socket, head) => {
    onRead({ url, headers, rest: head.toString('latin1') });
    socket.destroy();
  });
  server.on('clientError', (_error, socket) => {
    onRead(undefined);
    socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Node's parse of the bytes; `undefined`: no upgrade. */
async function readByNode(bytes: Buffer): Promise<Read | undefined> {
  const read = new Promise<Read | undefined>((resolve) => {
    onRead = resolve;
  });
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined); // broken off is refused as well
  socket.end(bytes);
  const result = await read;
  socket.destroy();
  return result;
}

function readHere(bytes: Buffer): Read | undefined {
  const head = readUpgradeHead(bytes);
  if (head === undefined) return undefined;
  const { url, headers } = head.request;
  return { url, headers: { ...headers }, rest: bytes.toString('latin1', head.endsAt) };
}

const bytesOf = (lines: readonly string[], rest = '') =>
  Buffer.from(`${lines.join('\r\n')}\r\n\r\n${rest}`, 'latin1');
const instead = (from: string, to: string) => BROWSER.map((line) => line.replace(from, to));

describe('the head of an upgrade', () => {
  it('of a browser is read', async () => {
    const read = readHere(bytesOf(BROWSER, '\x81\x80'));
    expect(read).toMatchObject({ url: '/v1/ws?token=a.b.c', rest: '\x81\x80' });
    expect(read).toEqual(await readByNode(bytesOf(BROWSER, '\x81\x80')));
  });

  it.each([
    ['half of it', bytesOf(BROWSER).subarray(0, 200)],
    ['another method', bytesOf(instead('GET', 'POST'))],
    ['another version of HTTP', bytesOf(instead('HTTP/1.1', 'HTTP/1.0'))],
    ['no host', bytesOf(BROWSER.filter((line) => !line.startsWith('Host')))],
    ['another protocol', bytesOf(instead('Upgrade: websocket', 'Upgrade: h2c'))],
    ['no wish for an upgrade', bytesOf(instead('keep-alive, Upgrade', 'keep-alive'))],
    ['a header twice', bytesOf([...BROWSER, 'Origin: https://other.example'])],
    ['a line that goes on', bytesOf([...BROWSER, 'X-Long: a', ' b'])],
    ['a name with a space', bytesOf([...BROWSER, 'X-Odd : a'])],
    ['a value beyond ASCII', bytesOf([...BROWSER, 'X-Odd: \xe9'])],
    ['a line feed alone', bytesOf([...BROWSER, 'X-Odd: a\nX-More: b'])],
    ['a body', bytesOf([...BROWSER, 'Content-Length: 2'], 'ab')],
    ['a body in chunks', bytesOf([...BROWSER, 'Transfer-Encoding: chunked'], '0\r\n\r\n')],
    ['more than Node takes', bytesOf([...BROWSER, `X-Large: ${'a'.repeat(17_000)}`])],
    [
      'more headers than Node takes',
      bytesOf([...BROWSER, ...Array.from({ length: 1500 }, (_, i) => `${i.toString(36)}:`)]),
    ],
  ])('is left to Node: %s', (_name, bytes) => {
    expect(readUpgradeHead(bytes)).toBeUndefined();
  });

  it('is not kept in memory by what is kept of it', () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const kept: unknown[] = [];
    collectGarbage();
    const beforeBytes = process.memoryUsage().heapUsed;
    for (let i = 0; i < 1000; i++)
      kept.push(
        readHere(bytesOf([...BROWSER, `X-Large: ${'a'.repeat(15_000)}`]))?.headers['sec-websocket-protocol'],
      );
    collectGarbage();
    expect((process.memoryUsage().heapUsed - beforeBytes) / kept.length).toBeLessThan(2000);
    expect(kept.at(-1)).toBe('carillon.v1.json, bearer.abc');
  });

  it.each([
    ['before a value', `X-Odd:${' '.repeat(2000)}\x7f`],
    ['within one', `X-Odd: a${' '.repeat(12_000)}\x7f`],
    ['after one', `X-Odd: a${' \t'.repeat(6000)}\x7f`],
    ['before an upgrade', `X-Odd: ${','.padEnd(12_000)}upgrade \x7f`],
  ])('costs no more time for many spaces %s', { timeout: 60_000 }, (_name, header) => {
    const bytes = bytesOf([...BROWSER, header]);
    const startedMs = performance.now();
    expect(readUpgradeHead(bytes)).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  it('is never read in another way than Node reads it', { timeout: 60_000 }, async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        ':',
        ' ',
        '\t',
        ',',
        ';',
        '"',
        '\0',
        '\x7f',
        '\xe9',
        'Host',
        'Upgrade',
      ),
      fc.constantFrom(
        'Connection: upgrade\r\n',
        'upgrade: websocket\r\n',
        'Content-Length: 1\r\n',
        ' HTTP/1.1',
        '#',
        '%',
      ),
      fc.string({ maxLength: 3 }),
    );
    const change = fc.record({ at: fc.nat(), cut: fc.nat({ max: 4 }), piece });
    let read = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        let head = `${BROWSER.join('\r\n')}\r\n\r\n`;
        for (const { at, cut, piece } of changes) {
          const from = at % head.length;
          head = head.slice(0, from) + piece + head.slice(from + cut);
        }
        const bytes = Buffer.from(head, 'latin1');
        const here = readHere(bytes);
        if (here === undefined) return;
        read++;
        expect(here).toEqual(await readByNode(bytes));
      }),
      { numRuns: 2000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});
