/** The environment variables of the command line. Flags stand above them. */
export interface CliEnvironment {
  /** Address of a gateway. */
  readonly url: string | undefined;
  readonly token: string | undefined;
  /** Mints a token when none is given. */
  readonly jwtSecret: string | undefined;
  readonly dataDir: string | undefined;
}

export function readCliEnvironment(): CliEnvironment {
  const { CARILLON_URL, CARILLON_TOKEN, CARILLON_JWT_SECRET, CARILLON_DATA_DIR } = process.env;
  return {
    url: CARILLON_URL || undefined,
    token: CARILLON_TOKEN || undefined,
    jwtSecret: CARILLON_JWT_SECRET || undefined,
    dataDir: CARILLON_DATA_DIR || undefined,
  };
}
