/** Asks the service of this container: `node healthcheck.mjs /health` (or /ready). Exit code 0 when it says yes. */
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

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
  .on('response', (response) => process.exit(response.statusCode === 200 ? 0 : 1))
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end();
