import { createRequire } from 'node:module';
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { errorFields } from './error-fields.ts';
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
}

/** Text levels, UTC times, no secrets: every line is scrubbed as a whole, so a forgotten field can't leak a token. */
export function createLoggers(options: LoggerOptions): Loggers {
  const { levels } = options;
  const root = pino(
    {
      level: levels.level,
      base: { service: options.service, instance: options.instanceId },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
    },
    scrubbed(options.stream ?? chooseStream(options.format)),
  );
  return {
    root,
    module: (name) => root.child({ module: name }, { level: levels.modules[name] ?? levels.level }),
  };
}

function scrubbed(stream: DestinationStream): DestinationStream {
  return { write: (line) => stream.write(scrub(line)) };
}

function chooseStream(format: LoggerOptions['format']): DestinationStream {
  const pretty = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  // Synchronous on purpose: the last lines before a crash are the ones that matter.
  if (!pretty) return destination({ fd: 1, sync: true });
  const load = createRequire(import.meta.url);
  const prettyStream = load('pino-pretty') as typeof import('pino-pretty');
  return prettyStream({
    sync: true,
    colorize: process.stdout.isTTY,
    translateTime: 'HH:MM:ss.l',
    ignore: 'pid,hostname,service,instance,module',
    messageFormat: '{if module}[{module}] {end}{msg}',
  });
}
