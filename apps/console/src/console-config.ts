/** Configuration that the admin service serves to the page. */
export interface ConsoleConfig {
  /** Where the page's clients connect to, e.g. `ws://127.0.0.1:8080/v1/ws`. */
  readonly gatewayUrl: string;
  /** Development tokens by user; only in single-process mode. */
  readonly tokens?: Readonly<Record<string, string>>;
}

/** @throws Error with a text for people. */
export async function fetchConsoleConfig(): Promise<ConsoleConfig> {
  const response = await fetch('./console-config.json', { headers: { accept: 'application/json' } }).catch(
    (cause: unknown) => {
      throw new Error('The admin service does not answer.', { cause });
    },
  );
  if (!response.ok)
    throw new Error(`The admin service answered ${response.status} to the page's question for its settings.`);
  return (await response.json()) as ConsoleConfig;
}
