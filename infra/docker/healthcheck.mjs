/** Asks the service of this container: `node healthcheck.mjs /health` (or /ready). Exit code 0 when it says yes. */
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';

const { service, port: defaultPort } = JSON.parse(
  readFileSync(new URL('./service.json', import.meta.url), 'utf8'),
);
const port = process.env[`CARILLON_${service.toUpperCase()}_PORT`] || defaultPort;
const tls = service === 'gateway' && Boolean(process.env.CARILLON_TLS_CERT_FILE);
const request = tls ? requestHttps : requestHttp;

// The certificate is for the public name, not for the loopback address.
request({
  host: '127.0.0.1',
  port,
  path: process.argv[2] ?? '/health',
  timeout: 3000,
  rejectUnauthorized: false,
})
  .on('response', async (response) => {
    const isWell = response.statusCode === 200;
    if (!isWell) say(`${response.statusCode}: ${complaints(await text(response))}`);
    process.exit(isWell ? 0 : 1);
  })
  .on('timeout', () => fail('no answer within 3 s'))
  .on('error', (error) => fail(error.message || error.code))
  .end();

/** Output of a health check; shown by `docker inspect`, and by compose for an unhealthy container. */
function say(words) {
  process.stdout.write(`${words}\n`);
}

function fail(words) {
  say(words);
  process.exit(1);
}

/** One line per check that failed. */
function complaints(body) {
  try {
    const failed = Object.entries(JSON.parse(body).checks).filter(([, { ok }]) => !ok);
    return failed.map(([name, { problem }]) => `${name}: ${problem}`).join('\n');
  } catch {
    return body.slice(0, 1000);
  }
}
