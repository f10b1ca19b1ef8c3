/** The part of a `pg.Pool` that this package needs; PGlite has an adapter of the same form. */
export interface SqlResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number | null;
}

export interface Sql {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<SqlResult<Row>>;
}

export interface SqlClient extends Sql {
  release(destroy?: boolean): void;
}

export interface SqlPool extends Sql {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  connect(): Promise<SqlClient>;
  end(): Promise<void>;
}
