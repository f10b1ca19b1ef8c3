/**
 * Allowed imports between the packages of the workspace, by folder name. The levels of docs/architecture: 0 protocol,
 * config; 1 telemetry, auth, redis; 2 broker, jobs, db, service; 3 apps. Downward only. Outside of them client ->
 * protocol, server -> protocol.
 */
const LEVEL_0 = ['protocol', 'config'] as const;
const LEVEL_1 = ['telemetry', 'auth', 'redis'] as const;
const LEVEL_2 = ['broker', 'jobs', 'db', 'service'] as const;
const BELOW_1 = LEVEL_0;
const BELOW_2 = [...LEVEL_0, ...LEVEL_1];
const BELOW_APPS = [...BELOW_2, ...LEVEL_2];
const DATA_PLANE = BELOW_APPS.filter((name) => name !== 'db');
const SDKS = ['client', 'server'] as const;

export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  // The one import within a level: settings speak of channels, namespaces and capabilities.
  config: ['protocol'],
  telemetry: BELOW_1,
  auth: BELOW_1,
  redis: BELOW_1,
  broker: BELOW_2,
  jobs: BELOW_2,
  db: BELOW_2,
  service: BELOW_2,
  client: ['protocol'],
  server: ['protocol'],
  testing: ['protocol'],
  bench: [...BELOW_APPS, ...SDKS, 'testing'],
  e2e: [...BELOW_APPS, ...SDKS, 'testing'],
  // Only persistence and admin touch the database.
  gateway: DATA_PLANE,
  router: DATA_PLANE,
  persistence: BELOW_APPS,
  admin: BELOW_APPS,
  console: ['client', 'protocol'],
  // `carillon dev` composes the services into one process.
  cli: [...BELOW_APPS, ...SDKS, 'gateway', 'router', 'persistence', 'admin'],
};

/** Packages that tests and shared contract suites may import in addition: real servers, and the SDKs to talk to an app. */
const IN_ALL_TESTS = ['testing', ...SDKS, 'protocol'];

const IN_TESTS_OF: Readonly<Record<string, readonly string[]>> = {
  // Jobs run on the embedded Postgres in single-process mode.
  jobs: ['db'],
};

export function allowedInTests(name: string): readonly string[] {
  return [...(ALLOWED_IMPORTS[name] ?? []), ...IN_ALL_TESTS, ...(IN_TESTS_OF[name] ?? [])];
}
