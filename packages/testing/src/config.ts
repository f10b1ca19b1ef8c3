/** Environment of the tests. */
export const environment = {
  path: process.env.PATH ?? '',
  backend: process.env.CARILLON_TEST_BACKEND,
  redisUrl: process.env.CARILLON_TEST_REDIS_URL,
  databaseUrl: process.env.CARILLON_TEST_DATABASE_URL,
  chromium: process.env.CARILLON_TEST_CHROMIUM,
  compiler: process.env.CARILLON_TEST_CC,
  /** For child processes. */
  inherited: process.env,
};
