import { COMMAND } from '../output/command-name.ts';
import { out } from '../output/style.ts';

export interface BannerFacts {
  readonly version: string;
  readonly readyAfterMs: number;
  readonly gatewayUrl: string;
  readonly consoleUrl: string;
  readonly dataDir: string;
  /** Name and text of the development token; absent when tokens are verified with keys of the user's own. */
  readonly token: string | undefined;
  /** Stands before the commands to try, e.g. `CARILLON_DATA_DIR=/x `. */
  readonly commandPrefix: string;
  readonly notes: readonly string[];
}

/** Where WebSockets are opened, of a gateway's `http(s)` address. */
export function websocketUrl(gatewayUrl: string): string {
  return `${gatewayUrl.replace(/^http/, 'ws')}/v1/ws`;
}

/** Text printed after the start: addresses, tokens and the next commands. */
export function banner(facts: BannerFacts): string {
  const { gatewayUrl, commandPrefix } = facts;
  const row = (name: string, value: string) => `  ${out.dim(name.padEnd(9))}${value}`;
  return [
    '',
    `  ${out.bold('Carillon')} ${facts.version}  ${out.dim(`ready in ${(facts.readyAfterMs / 1000).toFixed(2)} s`)}`,
    '',
    row('Console', out.cyan(facts.consoleUrl)),
    row('Gateway', `${out.cyan(gatewayUrl)}  ${out.dim(websocketUrl(gatewayUrl))}`),
    row('Data', `${facts.dataDir}  ${out.dim('messages are kept here')}`),
    '',
    `  ${out.dim('In another terminal:')}`,
    `    ${commandPrefix}${COMMAND} sub chat:lobby`,
    `    ${commandPrefix}${COMMAND} pub chat:lobby 'Hello'`,
    ...(facts.token === undefined
      ? []
      : [
          '',
          `  ${out.dim('Token of the user dev, for 24 h, for all channels and methods:')}`,
          `  ${facts.token}`,
        ]),
    ...facts.notes.flatMap((text) => ['', `  ${out.yellow(text)}`]),
    '',
    `  ${out.dim('For development and single-server use: one process, no failover. Ctrl-C stops it.')}`,
    '',
  ].join('\n');
}
