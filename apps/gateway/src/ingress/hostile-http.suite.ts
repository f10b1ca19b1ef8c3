/** Attacks over HTTP, or on idle connections, without a token. */
import { connect, type Socket } from 'node:net';

export const HTTP_ATTACKS = ['pipeline', 'unread', 'large body', 'endless body', 'silent', 'half'] as const;
export type HttpAttack = (typeof HTTP_ATTACKS)[number];

const HEAD = 'POST /v1/channels/a/messages HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
/** Of a connection that the gateway may leave open: it waits for more. */
const HELD_MS = 200;

/** Resolves when the gateway has ended the connection, or when the attacker has had its time. */
export async function attackHttp(port: number, attack: HttpAttack): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  if (attack !== 'unread') socket.resume();
  send(socket, attack);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, HELD_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  socket.destroy();
}

function send(socket: Socket, attack: HttpAttack): void {
  if (attack === 'pipeline' || attack === 'unread')
    socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000));
  else if (attack === 'large body')
    socket.write(`${HEAD}Content-Length: 3000000\r\n\r\n${'x'.repeat(3_000_000)}`);
  else if (attack === 'endless body') {
    socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    for (let i = 0; i < 100; i++) socket.write(`1000\r\n${'x'.repeat(4096)}\r\n`);
  } else if (attack === 'half') socket.write(HEAD);
}
