import type { ReadFile } from './read-setting.ts';
import type { Setting } from './setting.ts';

// biome-ignore lint/suspicious/noExplicitAny: a group holds settings of any value type; Values<S> restores each one.
export type Settings = Readonly<Record<string, Setting<any>>>;

/** The values of a group's settings, by the same keys. */
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** A relation between settings of one group. Runs when all the settings in `needs` were read without fault. */
export interface Rule<S extends Settings> {
  readonly needs: readonly (keyof S & string)[];
  /** Describes a contradiction, with the values; `undefined` when there is none. */
  readonly test: (values: Values<S>, readFile: ReadFile) => string | undefined;
}

/** Settings that belong together, the relations between them, and the value an app gets. */
export interface Group<T> {
  readonly title: string;
  readonly intro: string;
  readonly settings: Settings;
  // biome-ignore lint/suspicious/noExplicitAny: erased, see Settings.
  readonly rules: readonly Rule<any>[];
  readonly build: (values: Readonly<Record<string, unknown>>, readFile: ReadFile) => T;
}

export interface GroupSpec<S extends Settings> {
  readonly title: string;
  /** A sentence or two above the table in the reference. */
  readonly intro?: string;
  readonly settings: S;
  readonly rules?: readonly Rule<S>[];
}

/** Declares a group whose value has a member per setting. */
export function group<S extends Settings>(spec: GroupSpec<S>): Group<Values<S>> {
  return builtGroup(spec, (values) => values);
}

/** Declares a group whose value is made from the settings' values. */
export function builtGroup<S extends Settings, T>(
  spec: GroupSpec<S>,
  build: (values: Values<S>, readFile: ReadFile) => T,
): Group<T> {
  return {
    title: spec.title,
    intro: spec.intro ?? '',
    settings: spec.settings,
    rules: spec.rules ?? [],
    // The loader fills in exactly the keys of `settings` with values of their types.
    build: build as Group<T>['build'],
  };
}
