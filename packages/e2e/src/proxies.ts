/** nginx and HAProxy with the configurations of infra/proxies, which the documentation shows, before gateways of a test. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram, freePort, makeCertificates, type ServerProcess, startProcess } from '@carillon/testing';

const FOLDER = fileURLToPath(new URL('../../../infra/proxies/', import.meta.url));
const GATEWAY_ADDRESSES = ['10.0.0.11:8080', '10.0.0.12:8080'];

export type ProxyName = 'nginx' | 'haproxy';

export interface RunningProxy {
  readonly port: number;
  /** Of the authority that its clients have to trust. */
  readonly ca: Buffer;
  /** Log output. */
  readonly output: string;
  stop(): Promise<void>;
}

interface Place {
  readonly dir: string;
  readonly port: number;
  readonly pemFile: string;
}

interface Program {
  readonly config: string;
  /** Installation-specific texts of the file, and a test's replacements. */
  readonly replacements: (place: Place) => readonly (readonly [found: string, instead: string])[];
  readonly args: (place: Place, file: string) => readonly string[];
}

const PROGRAMS: Readonly<Record<ProxyName, Program>> = {
  nginx: {
    config: 'nginx.conf',
    replacements: ({ dir, port, pemFile }) => [
      ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
      ['/etc/nginx/realtime.pem', pemFile],
      // Its own folders may be another user's.
      [
        'http {',
        `http {\n  access_log off;\n${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
          .map((name) => `  ${name}_temp_path ${dir}/${name};\n`)
          .join('')}`,
      ],
    ],
    args: ({ dir }, file) => [
      ...['-c', file, '-p', dir],
      ...['-g', `daemon off; pid ${dir}/nginx.pid; error_log stderr info;`],
    ],
  },
  haproxy: {
    config: 'haproxy.cfg',
    replacements: ({ port, pemFile }) => [
      ['bind :443 ', `bind 127.0.0.1:${port} `],
      ['/etc/haproxy/realtime.pem', pemFile],
    ],
    args: (_place, file) => ['-db', '-f', file],
  },
};

/** Why tests with this proxy can't run here; `undefined`: they can. */
export function whyNoProxy(name: ProxyName): string | undefined {
  return findProgram(name) === undefined ? `${name} is not installed` : undefined;
}

/** @throws Error when the file no longer has what a test has to replace. */
function withReplacements(text: string, replacements: readonly (readonly [string, string])[]): string {
  return replacements.reduce((result, [found, instead]) => {
    if (!result.includes(found)) throw new Error(`the configuration has no '${found}'`);
    return result.replaceAll(found, instead);
  }, text);
}

/** @param gatewayPorts of two gateways */
export async function startProxy(name: ProxyName, gatewayPorts: readonly number[]): Promise<RunningProxy> {
  const { config, replacements, args } = PROGRAMS[name];
  const dir = await mkdtemp(join(tmpdir(), `carillon-${name}-`));
  // nginx started by root works as another user.
  await chmod(dir, 0o755);
  const { caFile, certFile, keyFile } = await makeCertificates(dir);
  const place = { dir, port: await freePort(), pemFile: join(dir, 'realtime.pem') };
  await writeFile(place.pemFile, (await readFile(certFile, 'utf8')) + (await readFile(keyFile, 'utf8')));
  const file = join(dir, config);
  const text = withReplacements(await readFile(join(FOLDER, config), 'utf8'), [
    ...replacements(place),
    ...GATEWAY_ADDRESSES.map((address, i) => [address, `127.0.0.1:${gatewayPorts[i]}`] as const),
  ]);
  await writeFile(file, text);
  const program: ServerProcess = await startProcess({ command: findProgram(name)!, args: args(place, file) });
  return {
    port: place.port,
    ca: await readFile(caFile),
    get output() {
      return program.output;
    },
    stop: async () => {
      await program.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
