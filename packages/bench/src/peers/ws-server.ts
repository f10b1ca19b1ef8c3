/**
 * The floor of a connection: the `ws` library, which answers each message with `ok`.
 *
 *   node ws-server.ts <port>
 */
import { WebSocketServer } from 'ws';

const [port] = process.argv.slice(2);
if (port === undefined) throw new Error('usage: ws-server.ts <port>');

const server = new WebSocketServer({
  port: Number(port),
  host: '127.0.0.1',
  perMessageDeflate: false,
  clientTracking: false,
});
server.on('connection', (socket) => {
  socket.on('message', () => socket.send('ok'));
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`));
});
server.on('listening', () => process.stdout.write('listening\n'));
