import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly id: string;
  readonly attempt: number;
  readonly signature: string;
  readonly body: string;
  readonly channel: string;
  readonly seq: number;
  readonly payload: unknown;
}

/** A real HTTP server that takes webhooks; `answer` decides how. Default: 204. */
export async function startReceiver(
  answer: (received: Received, response: ServerResponse, request: IncomingMessage) => void = (_, response) =>
    void response.writeHead(204).end(),
): Promise<{
  readonly url: string;
  readonly received: Received[];
  readonly server: Server;
  stop(): Promise<void>;
}> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const { message } = JSON.parse(body || '{}') as {
      message?: { channel: string; seq: number; payload: unknown };
    };
    const one = {
      id: String(request.headers['carillon-delivery']),
      attempt: Number(request.headers['carillon-attempt']),
      signature: String(request.headers['carillon-signature']),
      body,
      channel: message?.channel ?? '',
      seq: message?.seq ?? 0,
      payload: message?.payload,
    };
    received.push(one);
    answer(one, response, request);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    server,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
