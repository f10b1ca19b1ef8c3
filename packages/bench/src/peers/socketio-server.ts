/**
 * The peer: a Socket.IO server with the Redis streams adapter, as its documentation sets it up. `publish` emits to the
 * room and acknowledges; the acknowledgement does not wait for Redis, which is how the adapter works.
 *
 *   node socketio-server.ts <port> <redis url> [recovery]
 */
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const [port, redisUrl, recovery] = process.argv.slice(2);
if (port === undefined || redisUrl === undefined)
  throw new Error('usage: socketio-server.ts <port> <redis url>');

const http = createServer((_request, response) => response.end('ok'));
const io = new Server(http, {
  adapter: createAdapter(new Redis(redisUrl), { maxLen: 100_000 }),
  perMessageDeflate: false,
  ...(recovery === undefined ? {} : { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } }),
});

io.on('connection', (socket) => {
  socket.on('join', async (room: string, done: () => void) => {
    await socket.join(room);
    done();
  });
  socket.on('publish', (room: string, payload: unknown, done: () => void) => {
    io.to(room).emit('message', payload);
    done();
  });
});
http.listen(Number(port), '127.0.0.1', () => process.stdout.write('listening\n'));
