import type { Logger } from '@carillon/telemetry';

/** PgBouncer's error for startup parameters that it doesn't pass on. */
const REFUSED = /unsupported startup parameter/;

export interface SessionSettingsOptions {
  readonly statementTimeoutMs: number;
  /** Further ones, of the URL. */
  readonly given: string | undefined;
  readonly user: string | undefined;
  readonly logger: Logger;
}

interface Asks {
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
}

/**
 * Settings that each connection to Postgres begins with: Postgres itself ends long statements, and statements are not refused because a
 * database is set to `serializable`. PgBouncer takes no such parameters, and in transaction mode a SET would be for somebody else's
 * statement. Then none are given, and what is missing at the role is told with the statement that mends it.
 */
export class SessionSettings {
  readonly #options: SessionSettingsOptions;
  #isPooled = false;
  #isTold = false;

  constructor(options: SessionSettingsOptions) {
    this.#options = options;
  }

  /** For the start of a connection; `undefined` when none may be given. */
  get options(): string | undefined {
    if (this.#isPooled) return this.#options.given;
    const own = `-c statement_timeout=${this.#options.statementTimeoutMs} -c default_transaction_isolation=read\\ committed`;
    return this.#options.given === undefined ? own : `${own} ${this.#options.given}`;
  }

  /** A connection was not made: perhaps because of these. */
  readonly onFailure = (error: Error): void => {
    if (this.#isPooled || !REFUSED.test(error.message)) return;
    this.#isPooled = true;
    this.#options.logger.info(
      'there is a pooler before Postgres that takes no settings at the start of a connection (PgBouncer): connecting without them',
    );
  };

  /** Says once what the role should have and doesn't. */
  async check(connection: Asks): Promise<void> {
    if (!this.#isPooled || this.#isTold) return;
    this.#isTold = true;
    const { rows } = await connection.query(
      `select current_setting('statement_timeout') as timeout, current_setting('default_transaction_isolation') as isolation`,
    );
    const [{ timeout, isolation }] = rows as [{ timeout: string; isolation: string }];
    const role = `alter role ${JSON.stringify(this.#options.user ?? 'carillon')} set`;
    const advice = [
      ...(timeout === '0' ? [`${role} statement_timeout = '${this.#options.statementTimeoutMs}ms'`] : []),
      ...(isolation === 'read committed' ? [] : [`${role} default_transaction_isolation = 'read committed'`]),
    ];
    if (advice.length === 0) return;
    this.#options.logger.warn(
      { statements: advice },
      'behind a pooler the role has to have these settings. Run the statements in Postgres, then RECONNECT in PgBouncer',
    );
  }
}
