import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const EVERY_MS = 5;
const REQUEST_LINE = /^[A-Z]+ \S+ HTTP/;

/** Writes `text` again and again, for as long as the other side listens. */
function forever(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), EVERY_MS);
  socket.once('close', () => clearInterval(timer));
}

/** Faulty reactions of a peer to an HTTP request. */
export const HOSTILE_ANSWERS = {
  'says nothing': () => undefined,
  'closes without an answer': (socket) => socket.end(),
  resets: (socket) => socket.resetAndDestroy(),
  'becomes a WebSocket': (socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
  'answers 101 for no protocol': (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  'answers 101 and closes': (socket) =>
    socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
  'sends early hints for ever': (socket) => forever(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
  'asks to continue for ever': (socket) => forever(socket, 'HTTP/1.1 100 Continue\r\n\r\n'),
  'sends headers for ever': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    forever(socket, 'a: b\r\n');
  },
  'sends a status line for ever': (socket) => forever(socket, 'H'),
  'sends the body of a refusal for ever': (socket) => {
    socket.write('HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n');
    forever(socket, '1\r\n \r\n');
  },
  'stops in the body of a refusal': (socket) =>
    socket.write('HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\n{'),
  'breaks off in the body of a refusal': (socket) =>
    socket.end('HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\n{'),
  'speaks another protocol': (socket) => socket.write('220 mail.example ESMTP\r\n'),
} as const satisfies Readonly<Record<string, (socket: Socket) => unknown>>;

export type HostileAnswer = keyof typeof HOSTILE_ANSWERS;

export const HOSTILE_ANSWER_NAMES = Object.keys(HOSTILE_ANSWERS) as readonly HostileAnswer[];

export interface HostilePeer {
  readonly url: string;
  /** Requests that have come. */
  readonly requests: number;
  stop(): Promise<void>;
}

/** A server whose connections do `answer` when the first request has come on them. */
export async function startHostilePeer(answer: HostileAnswer): Promise<HostilePeer> {
  let requests = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined); // the other side may leave at any time
    socket.once('close', () => sockets.delete(socket));
    socket.once('data', () => HOSTILE_ANSWERS[answer](socket));
    socket.on('data', (data) => {
      if (REQUEST_LINE.test(data.toString('latin1'))) requests++;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    get requests() {
      return requests;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
