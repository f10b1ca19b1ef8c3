import { once } from 'node:events';
import type { Server } from 'node:http';
import { type Socket, Server as TcpServer } from 'node:net';

/** A machine without IPv6. */
const NO_SUCH_ADDRESS = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/**
 * `localhost` is both addresses, whatever the resolver of this machine says: clients may take either. Fastify makes a server of its own for
 * the second one, whose connections would escape the limits and the drain.
 */
export function addressesOf(host: string): readonly [first: string, ...others: string[]] {
  return host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
}

/**
 * Listens on a further address for `server`, to which all of its connections belong. Resolves with `undefined` where there is no such address.
 * @throws Error, e.g. when the port is taken there
 */
export async function listenBeside(
  server: Server,
  listenOptions: { readonly host: string; readonly port: number; readonly backlog: number },
): Promise<TcpServer | undefined> {
  // Same socket options as an HTTP server: a client may end its side first.
  const beside = new TcpServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) =>
    server.emit('connection', socket),
  );
  beside.listen({ ...listenOptions, ipv6Only: true });
  try {
    await once(beside, 'listening');
    return beside;
  } catch (error) {
    if (NO_SUCH_ADDRESS.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
