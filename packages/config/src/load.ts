import { readFileSync } from 'node:fs';
import { KNOWN_VARIABLES } from './catalogue.ts';
import { closestName } from './closest-name.ts';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import type { Group } from './group.ts';
import { isServiceLink, type ReadFile, readSetting, type Source } from './read-setting.ts';
import type { Environment } from './setting.ts';

// biome-ignore lint/suspicious/noExplicitAny: groups of any value type; ConfigOf restores each one.
export type Groups = Readonly<Record<string, Group<any>>>;

/** The configuration that a set of groups gives: one member per group. */
export type ConfigOf<G extends Groups> = {
  readonly [K in keyof G]: G[K] extends Group<infer T> ? T : never;
};

/** One setting as it is in force, for the log line at start. Secrets appear as fingerprints. */
export interface EffectiveSetting {
  readonly variable: string;
  readonly shown: string;
  readonly source: Source;
  /** The same for every way in which the value can be written, and without secrets. */
  readonly compared: string;
  /** Of a secret that is given and long enough to have one. */
  readonly fingerprint?: string | undefined;
}

export interface LoadedConfig<T> {
  readonly config: T;
  /** To be logged at level warn: unknown CARILLON_* variables, ignored values. */
  readonly warnings: readonly string[];
  readonly effective: readonly EffectiveSetting[];
}

export interface LoadOptions {
  /** Defaults by variable name, as text. They stand below the environment and above the declared defaults. */
  readonly defaults?: Environment;
  /** Reads files named with `@/path`; the file system unless a test gives another. */
  readonly readFile?: ReadFile;
}

interface Findings {
  readonly problems: ConfigProblem[];
  readonly warnings: string[];
  readonly effective: EffectiveSetting[];
}

/**
 * Reads the settings of all groups from `env` and checks them.
 *
 * @throws {ConfigError} listing every missing, wrong or contradictory variable at once.
 */
export function loadConfig<const G extends Groups>(
  groups: G,
  env: Environment,
  options: LoadOptions = {},
): LoadedConfig<ConfigOf<G>> {
  const findings: Findings = { problems: [], warnings: [], effective: [] };
  const readFile = options.readFile ?? ((path) => readFileSync(path, 'utf8'));
  const merged = withDefaults(env, options.defaults ?? {});
  const config: Record<string, unknown> = {};
  for (const [key, group] of Object.entries(groups)) {
    const values = readGroup(group, merged, readFile, findings);
    if (values !== undefined) config[key] = group.build(values, readFile);
  }
  const used = Object.values(groups).flatMap((group) => variablesOf(group));
  findings.warnings.push(...unknownVariables(env, new Set([...KNOWN_VARIABLES, ...used])));
  if (findings.problems.length > 0) throw new ConfigError(findings.problems);
  return { config: config as ConfigOf<G>, warnings: findings.warnings, effective: findings.effective };
}

function withDefaults(env: Environment, defaults: Environment): Environment {
  const merged: Record<string, string | undefined> = { ...env };
  for (const [variable, fallback] of Object.entries(defaults)) {
    const given = merged[variable]?.trim() ?? '';
    if (given === '' || isServiceLink(variable, given)) merged[variable] = fallback;
  }
  return merged;
}

function variablesOf(group: Group<unknown>): string[] {
  return Object.values(group.settings).map((setting) => setting.variable);
}

/** The group's values; `undefined` when one of them or a relation between them is wrong. */
function readGroup(
  group: Group<unknown>,
  env: Environment,
  readFile: ReadFile,
  findings: Findings,
): Record<string, unknown> | undefined {
  const values: Record<string, unknown> = {};
  const problemsBefore = findings.problems.length;
  for (const [key, setting] of Object.entries(group.settings)) {
    const reading = readSetting(setting, env, readFile);
    const { variable } = setting;
    if (reading.outcome === 'value') {
      values[key] = reading.value;
      const { shown, source, fingerprint } = reading;
      const compared = setting.secrecy === 'public' ? JSON.stringify(reading.value ?? null) : shown;
      findings.effective.push({
        variable,
        shown,
        source,
        compared,
        ...(fingerprint !== undefined && { fingerprint }),
      });
      if (reading.warning !== undefined) findings.warnings.push(reading.warning);
    } else if (setting.onFault === 'warn') {
      values[key] = setting.absent();
      findings.warnings.push(`${reading.message}. Ignored.`);
    } else {
      findings.problems.push({ variables: [variable], message: reading.message });
    }
  }
  for (const rule of group.rules) {
    if (!rule.needs.every((key) => Object.hasOwn(values, key))) continue;
    const message = rule.test(values, readFile);
    if (message === undefined) continue;
    findings.problems.push({ variables: rule.needs.map((key) => group.settings[key]!.variable), message });
  }
  return findings.problems.length === problemsBefore ? values : undefined;
}

/**
 * Unknown CARILLON_* variables are warnings, not errors: during a rolling change of version old and new processes share one
 * environment, and a variable of the other version must not keep either from starting.
 */
function unknownVariables(env: Environment, known: ReadonlySet<string>): string[] {
  const warnings: string[] = [];
  for (const [variable, given] of Object.entries(env)) {
    if (!variable.startsWith('CARILLON_') || known.has(variable)) continue;
    // CARILLON_TEST_* steers the repository's own tests.
    if (variable.startsWith('CARILLON_TEST_') || isServiceLink(variable, given ?? '')) continue;
    const near = closestName(variable, known);
    const suggestion = near === undefined ? '' : ` Did you mean ${near}?`;
    warnings.push(`${variable} is not a variable that this version knows; it has no effect.${suggestion}`);
  }
  return warnings;
}
