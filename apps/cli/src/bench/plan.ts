import { parseDurationMs } from '@carillon/config';
import { usageError } from '../cli-error.ts';
import type { TargetFlags } from '../target/resolve-target.ts';

export interface BenchFlags extends TargetFlags {
  readonly clients: string;
  readonly channels: string;
  readonly channel: string;
  readonly publishers: string;
  readonly rate: string;
  readonly payload: string;
  readonly duration: string;
  readonly rampUp: string;
  readonly stress?: boolean;
  readonly anonymous?: boolean;
  readonly output: 'text' | 'json';
  readonly logLevel: 'silent' | 'info' | 'debug';
}

/** A validated benchmark plan. */
export interface BenchPlan {
  /** Connections that listen. */
  readonly clients: number;
  /** Names; client i listens to channel i modulo their number. */
  readonly channels: readonly string[];
  /** Connections that publish; channel i belongs to publisher i modulo their number. */
  readonly publishers: number;
  /** Over all publishers; `undefined`: as fast as publishes are accepted. */
  readonly ratePerSecond: number | undefined;
  /** Of the payload as JSON. */
  readonly payloadBytes: number;
  readonly durationMs: number;
  /** Over which connections are opened. */
  readonly rampUpMs: number;
}

/** @throws CliError naming the option and what it may be */
export function planOf(flags: BenchFlags): BenchPlan {
  const clients = whole(flags.clients, '--clients', 1, 20_000);
  const channels = whole(flags.channels, '--channels', 1, 10_000);
  const publishers = whole(flags.publishers, '--publishers', 1, 1_000);
  // Quietly measuring something else than what was asked for would be worse than an error.
  if (channels > clients)
    throw usageError(
      `--channels is "${channels}", with --clients ${clients}`,
      'Each channel needs a listener: --clients has to be at least --channels.',
    );
  if (publishers > channels)
    throw usageError(
      `--publishers is "${publishers}", with --channels ${channels}`,
      'A channel has one publisher here: --channels has to be at least --publishers.',
    );
  return {
    clients,
    channels: Array.from({ length: channels }, (_, i) =>
      channels === 1 ? flags.channel : `${flags.channel}-${i}`,
    ),
    publishers,
    ratePerSecond: flags.stress ? undefined : whole(flags.rate, '--rate', 1, 1_000_000),
    payloadBytes: whole(flags.payload, '--payload', 40, 1_048_576),
    durationMs: duration(flags.duration, '--duration', 1_000, 3_600_000),
    rampUpMs: duration(flags.rampUp, '--ramp-up', 0, 3_600_000),
  };
}

function whole(text: string, option: string, min: number, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw usageError(`${option} is "${text}"`, `It has to be a whole number from ${min} to ${max}.`);
}

function duration(text: string, option: string, minMs: number, maxMs: number): number {
  const value = parseDurationMs(text);
  if (value !== undefined && value >= minMs && value <= maxMs) return value;
  throw usageError(
    `${option} is "${text}"`,
    `It has to be from ${minMs / 1000} s to ${maxMs / 60_000} min, with its unit, e.g. 30s.`,
  );
}
