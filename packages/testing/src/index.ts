export { type Backend, chooseBackend, findChromium, findProgram } from './backend.ts';
export { type EventuallyOptions, eventually } from './eventually.ts';
export { freePort } from './free-port.ts';
export { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from './otlp-receiver.ts';
export { startPostgres, type TestPostgres } from './postgres.ts';
export { type RedisOptions, startRedis, type TestRedis } from './redis.ts';
export { type ProcessOptions, ServerProcess, startProcess } from './server-process.ts';
