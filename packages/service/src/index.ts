export { type BackoffOptions, backoffMs } from './backoff.ts';
export { type Check, Health, type HealthReport } from './health.ts';
export { createHttpServer, errorBody, type Listener, listening } from './http-server.ts';
export { registerOpsRoutes } from './ops-routes.ts';
export { pause } from './pause.ts';
export { type RunOptions, runServices } from './run-service.ts';
export { type Part, type Service, ServiceShell } from './service.ts';
export { type LoopOptions, type LoopStatus, SupervisedLoop } from './supervise-loop.ts';
export { type WaitOptions, waitFor } from './wait-for.ts';
