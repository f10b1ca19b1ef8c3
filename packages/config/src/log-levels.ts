import type { Kind } from './setting.ts';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type LogLevel = (typeof LEVELS)[number];

/** A level for all modules, and other levels for some. */
export interface LogLevels {
  readonly level: LogLevel;
  readonly modules: Readonly<Record<string, LogLevel>>;
}

function isLevel(word: string): word is LogLevel {
  return (LEVELS as readonly string[]).includes(word);
}

/** `info`, or `info,ingress=debug,redis=warn`. */
export const logLevels: Kind<LogLevels> = {
  allowed: `one of ${LEVELS.join(', ')}; then, separated by commas, module=level`,
  format: ({ level }) => level,
  parse: (given) => {
    let level: LogLevel = 'info';
    const modules: [string, LogLevel][] = [];
    for (const part of given.toLowerCase().split(',')) {
      const item = part.trim();
      const [name = '', moduleLevel, ...rest] = item.split('=').map((word) => word.trim());
      if (moduleLevel === undefined && isLevel(name)) level = name;
      else if (
        moduleLevel !== undefined &&
        isLevel(moduleLevel) &&
        /^[a-z0-9_.-]{1,64}$/.test(name) &&
        rest.length === 0
      )
        modules.push([name, moduleLevel]);
      else return { fault: `the item ${JSON.stringify(item)} is wrong` };
    }
    return { value: { level, modules: Object.fromEntries(modules) } };
  },
};
