import type { DialectName } from '../load/dialects.ts';
import type { Usage } from '../measure/process-usage.ts';

/** The target that goes a message's way and does nothing else. */
export const RELAY = 'relay (C)';

/** Of every server in Node, peers as well: as in Carillon's images. Without it Node lets garbage of idle connections grow to many megabytes. */
export const SERVER_NODE_OPTIONS = ['--max-semi-space-size=16'];

/** A system under test: its processes, and where its nodes listen. */
export interface Target {
  /** `carillon`, `socketio`, `ws`, {@link RELAY}, or what a variant of Carillon is called. */
  readonly name: string;
  readonly dialect: Exclude<DialectName, 'raw'>;
  readonly token: string;
  /** One for each client; empty where none is asked for. */
  tokens(count: number): Promise<readonly string[]>;
  /** Ports of the nodes that take clients. */
  readonly ports: readonly number[];
  /** Names of the processes behind {@link ports}, as in {@link usage}. */
  readonly nodes: readonly string[];
  /** CPU and memory of every server process, the broker and the database included. */
  usage(): Promise<readonly Usage[]>;
  /** Figures counted by the target itself, by name with the unit in it. */
  figures?(): Readonly<Record<string, number>>;
  stop(): Promise<void>;
}

/** Adds up several measurements of one process family under one name. */
export function total(cpuUs: Readonly<Record<string, number>>): number {
  return Object.values(cpuUs).reduce((sum, us) => sum + us, 0);
}
