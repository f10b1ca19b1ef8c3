import pg from 'pg';

interface Host {
  readonly host: string;
  readonly port: number;
}

/** Of several servers the one in use: what can't be connected to, or doesn't take writes, is followed by the next. */
export class PostgresHosts {
  readonly #all: readonly Host[];
  #current = 0;

  constructor(all: readonly Host[]) {
    this.#all = all;
  }

  get current(): Host {
    return this.#all[this.#current]!;
  }

  /** Connections that fail together move on once. */
  failed(host: Host): void {
    if (host === this.current) this.#current = (this.#current + 1) % this.#all.length;
  }
}

/** Parameters sent in the startup message of each connection. */
export interface StartParameters {
  /** Settings of the session, as `-c name=value`. `undefined`: none may be given. */
  readonly options: string | undefined;
  /** Told why a connection was not made. */
  onFailure(error: Error): void;
}

type OnConnect = (error: Error | null) => void;

/** A class as `pg.Pool` wants it: each new client connects to the host, and with the parameters, of that moment. */
export function clientFor(hosts: PostgresHosts, parameters: StartParameters): typeof pg.Client {
  return class extends pg.Client {
    readonly #host: Host;

    constructor(config: pg.ClientConfig) {
      const host = hosts.current;
      // The pool hides the password from being listed, and so from being copied.
      super({
        ...config,
        password: config.password,
        ...host,
        ...(parameters.options !== undefined && { options: parameters.options }),
      });
      this.#host = host;
    }

    override connect(): Promise<pg.Client>;
    override connect(callback: OnConnect): void;
    override connect(callback?: OnConnect): Promise<pg.Client> | undefined {
      const failed = (error: Error): void => {
        hosts.failed(this.#host);
        parameters.onFailure(error);
      };
      if (callback !== undefined) {
        super.connect((error: unknown) => {
          if (error instanceof Error) failed(error);
          callback(error as Error | null);
        });
        return undefined;
      }
      return super.connect().catch((error: Error) => {
        failed(error);
        throw error;
      }) as Promise<pg.Client>;
    }

    /** The host is a replica, or has become one. */
    giveUp(): void {
      hosts.failed(this.#host);
    }
  } as unknown as typeof pg.Client;
}
