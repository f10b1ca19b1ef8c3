import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { errorFields } from './error-fields.ts';
import { LogOutput } from './log-output.ts';
import { scrub } from './scrub.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly service: string;
  readonly instanceId: string;
  /** A level for all modules and others for some: `{ level: 'info', modules: { broker: 'debug' } }`. */
  readonly levels: { readonly level: string; readonly modules: Readonly<Record<string, string>> };
  /** `auto`: pretty on a terminal, else JSON. */
  readonly format: 'auto' | 'json' | 'pretty';
  /** Where lines go instead of stdout. */
  readonly stream?: DestinationStream;
}

/** Loggers of one service. */
export interface Loggers {
  readonly root: Logger;
  /** Logger of a module, at the level set for it. */
  module(name: string): Logger;
  readonly output: Pick<LogOutput, 'lost' | 'fault'>;
}

/** Text levels, UTC times, no secrets: every line is scrubbed as a whole, so a forgotten field can't leak a token. */
export function createLoggers(options: LoggerOptions): Loggers {
  const { levels } = options;
  const output = new LogOutput();
  const root = pino(
    {
      level: levels.level,
      base: { service: options.service, instance: options.instanceId },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
    },
    scrubbed(options.stream ?? chooseStream(options.format, output)),
  );
  return {
    root,
    output,
    module: (name) => root.child({ module: name }, { level: levels.modules[name] ?? levels.level }),
  };
}

function scrubbed(stream: DestinationStream): DestinationStream {
  return { write: (line) => stream.write(scrub(line)) };
}

function chooseStream(format: LoggerOptions['format'], output: LogOutput): DestinationStream {
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  if (!pretty) return output;
  const load = createRequire(import.meta.url);
  const prettyStream = load('pino-pretty') as typeof import('pino-pretty');
  return prettyStream({
    destination: new Writable({
      decodeStrings: false,
      write: (line: string | Buffer, _encoding, done) => {
        output.write(String(line));
        done();
      },
    }),
    sync: true,
    colorize: process.stdout.isTTY,
    translateTime: 'HH:MM:ss.l',
    ignore: 'pid,hostname,service,instance,module',
    messageFormat: '{if module}[{module}] {end}{msg}',
  });
}
