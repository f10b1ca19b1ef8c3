/** The environment that a configuration is read from. Only an app's `config.ts` passes `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Outcome of reading one text: the value, or what is wrong with it ('' when `allowed` says enough). */
export type Parsed<T> = { readonly value: T } | { readonly fault: string };

/** How much of a value may be shown: all, all but the password in a URL, or only a fingerprint. */
export type Secrecy = 'public' | 'url' | 'secret';

/** One environment variable, declared once: the loader, the errors and the reference page are all made from it. */
export interface Setting<T> {
  readonly variable: string;
  readonly description: string;
  /** Allowed values, for people: `integer 1..65535`. */
  readonly allowed: string;
  readonly example: string;
  /** Unit of a plain number, e.g. `ms`, `bytes`. */
  readonly unit: string | undefined;
  readonly secrecy: Secrecy;
  /** The default as shown to people; `undefined` when there is none. */
  readonly defaultText: string | undefined;
  /** Must be given: absence is a fault. */
  readonly required: boolean;
  /** `@/path` reads the value from a file. */
  readonly fromFile: boolean;
  /** `warn`: a wrong value is reported and the default used (variables that are not Carillon's own). */
  readonly onFault: 'refuse' | 'warn';
  readonly parse: (text: string) => Parsed<T>;
  /** The value when the variable is absent. Not called for required settings. */
  readonly absent: () => T;
}

/** A value's kind (integer, URL, ...): its contribution to a declaration. */
export interface Kind<T> {
  readonly allowed: string;
  readonly unit?: string;
  /** `@/path` reads the value from a file. Default: for what is secret in whole or in part. */
  readonly fromFile?: boolean;
  readonly parse: (text: string) => Parsed<T>;
  /** Writes a default as a person would. */
  readonly format: (value: T) => string;
}

/** Declaration of one variable, independent of its kind. */
export interface Declaration {
  readonly variable: string;
  readonly description: string;
  readonly example: string;
  readonly secrecy?: Secrecy;
  readonly fromFile?: boolean;
  readonly onFault?: 'refuse' | 'warn';
}

function declare<T, A>(
  kind: Kind<T>,
  declaration: Declaration,
  presence: Pick<Setting<A>, 'required' | 'defaultText' | 'absent'>,
): Setting<T | A> {
  return {
    variable: declaration.variable,
    description: declaration.description,
    example: declaration.example,
    allowed: kind.allowed,
    unit: kind.unit,
    secrecy: declaration.secrecy ?? 'public',
    fromFile: declaration.fromFile ?? kind.fromFile ?? (declaration.secrecy ?? 'public') !== 'public',
    onFault: declaration.onFault ?? 'refuse',
    parse: kind.parse,
    ...presence,
  };
}

/** A setting that must be given. */
export function required<T>(kind: Kind<T>, declaration: Declaration): Setting<T> {
  return declare<T, T>(kind, declaration, {
    required: true,
    defaultText: undefined,
    absent: () => {
      throw new Error(`${declaration.variable} is required`);
    },
  });
}

/** A setting with a default. */
export function withDefault<T>(kind: Kind<T>, defaultValue: T, declaration: Declaration): Setting<T> {
  return declare<T, T>(kind, declaration, {
    required: false,
    defaultText: kind.format(defaultValue),
    absent: () => defaultValue,
  });
}

/** A setting whose default depends on the machine or the process; `text` describes it. */
export function withComputedDefault<T>(
  kind: Kind<T>,
  computed: { readonly text: string; readonly value: () => T },
  declaration: Declaration,
): Setting<T> {
  return declare<T, T>(kind, declaration, {
    required: false,
    defaultText: computed.text,
    absent: computed.value,
  });
}

/** A setting that may be left out. */
export function optional<T>(kind: Kind<T>, declaration: Declaration): Setting<T | undefined> {
  return declare<T, undefined>(kind, declaration, {
    required: false,
    defaultText: undefined,
    absent: () => undefined,
  });
}
