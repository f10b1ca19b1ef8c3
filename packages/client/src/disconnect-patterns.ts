/** Diagnoses patterns in how connections end. */

/** One connection, from `connected` to its end. Times are milliseconds since 1970. */
export interface ConnectionRecord {
  readonly connectedAtMs: number;
  readonly gateway: string;
  /** The rest is absent while it lives. */
  readonly endedAtMs?: number;
  readonly ageMs?: number;
  readonly code?: number;
  readonly reason?: string;
  /** The device's network had changed this long before the end; absent when it had not. */
  readonly networkChangedMsBefore?: number;
}

export type EndedConnection = Required<Omit<ConnectionRecord, 'networkChangedMsBefore'>> &
  Pick<ConnectionRecord, 'networkChangedMsBefore'>;

export type PatternName =
  | 'constant-age'
  | 'same-code'
  | 'silent-network'
  | 'flapping'
  | 'network-change'
  | 'unreachable'
  | 'auth-failures'
  | 'rate-limited'
  | 'high-latency';

export interface Finding {
  readonly pattern: PatternName;
  /** Probable cause. */
  readonly cause: string;
  /** The figures behind it. */
  readonly evidence: string;
  /** Advice for the developer. */
  readonly advice: string;
}

/** Ends looked at: older ones may have had other reasons. */
const RECENT = 10;
const MIN_SAME = 3;
const FLAPPING_ENDS = 5;
const FLAPPING_WITHIN_MS = 300_000;
const FLAPPING_AGE_MS = 30_000;
/** An end this soon after a change of the network was probably caused by it. */
const NETWORK_CHANGE_MS = 10_000;
/** Shorter lives than this are no idle timeout. */
const MIN_CONSTANT_AGE_MS = 5_000;
const FIRST_OWN_CODE = 4_000;
const SILENT = 'no answer to a ping';

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

/** Cause and advice of the codes that the server closes with. */
const BY_CODE: Readonly<Record<number, readonly [cause: string, advice: string]>> = {
  4000: [
    'Gateways are being stopped, e.g. by deployments or scaling.',
    'Nothing is lost. If it happens all the time, look at why gateways restart.',
  ],
  4001: [
    'The server heard nothing from this client: it was suspended, or its thread was blocked.',
    'Move long computations off the main thread; a suspended page recovers by itself.',
  ],
  4002: [
    'This client takes its messages more slowly than they come.',
    'Do less in handlers, subscribe to less, or let the server conflate.',
  ],
  4003: ['The gateways are full.', 'Start more gateways, or raise their connection limit.'],
  4004: ['The gateway fails while it serves this connection.', "Look into the gateway's log."],
  4005: ['A back end ends the connections of this client.', 'The reason of the last one says why.'],
  4100: ['No token came in time.', 'Look at what getToken waits for.'],
  4101: ['The server refuses the token.', 'The authFailed event says why.'],
  4102: [
    'Tokens run out on the live connection.',
    'Give getToken, so that the token is replaced before it expires; look at authFailed if you do.',
  ],
};

/** Patterns in the latest ends, newest last. Times are wall-clock milliseconds of this client. */
export function findPatterns(ended: readonly EndedConnection[], nowMs: number): Finding[] {
  const recent = ended.slice(-RECENT);
  const byNetwork = recent.filter((end) => (end.networkChangedMsBefore ?? Infinity) <= NETWORK_CHANGE_MS);
  // Ends that a network change explains count for no other pattern.
  const others = recent.filter((end) => !byNetwork.includes(end));
  const found = [
    networkChange(byNetwork),
    silentNetwork(others),
    sameCode(others),
    constantAge(others),
    flapping(others, nowMs),
  ];
  return found.filter((finding) => finding !== undefined);
}

function networkChange(ends: readonly EndedConnection[]): Finding | undefined {
  if (ends.length < 2) return undefined;
  return {
    pattern: 'network-change',
    cause: 'The device changes its network, e.g. from Wi-Fi to mobile.',
    evidence: `${ends.length} connections ended within ${seconds(NETWORK_CHANGE_MS)} of a change`,
    advice: 'Nothing: the client reconnects and resumes.',
  };
}

function silentNetwork(ends: readonly EndedConnection[]): Finding | undefined {
  const silent = ends.filter(({ reason }) => reason === SILENT);
  if (silent.length < 2) return undefined;
  return {
    pattern: 'silent-network',
    cause: 'Connections die without a word: a firewall or NAT forgets them, or the device sleeps.',
    evidence: `${silent.length} of the last ${ends.length} ended because a ping was not answered`,
    advice: 'Ping more often (pingIntervalMs), so that the connection is not forgotten.',
  };
}

function sameCode(ends: readonly EndedConnection[]): Finding | undefined {
  const code = ends.at(-1)?.code ?? 0;
  if (ends.length < MIN_SAME || code < FIRST_OWN_CODE || ends.some((end) => end.code !== code))
    return undefined;
  const [cause, advice] = BY_CODE[code] ?? ['The server ends the connections.', 'Look up the close code.'];
  return { pattern: 'same-code', cause, evidence: `the last ${ends.length} ended with code ${code}`, advice };
}

/** Something on the way has a timer. Ends that the server explained, or that a ping found out, are no sign of that. */
function constantAge(ends: readonly EndedConnection[]): Finding | undefined {
  const cut = ends.filter(({ code, reason }) => code < FIRST_OWN_CODE && reason !== SILENT);
  const ages = cut.map(({ ageMs }) => ageMs).sort((a, b) => a - b);
  const median = ages[ages.length >> 1] ?? 0;
  const alike = ages.filter((age) => Math.abs(age - median) <= Math.max(1_000, median * 0.1));
  if (median < MIN_CONSTANT_AGE_MS || alike.length < MIN_SAME || alike.length < ends.length * 0.7)
    return undefined;
  return {
    pattern: 'constant-age',
    cause: `A proxy or load balancer on the way ends connections after about ${seconds(median)}: an idle timeout, or a limit of their age.`,
    evidence: `${alike.length} of the last ${ends.length} lived ${seconds(alike[0]!)} to ${seconds(alike.at(-1)!)}, and nobody said why they ended`,
    advice: `Raise that timeout (nginx: proxy_read_timeout; AWS ALB: idle timeout), or set pingIntervalMs below ${seconds(median)}.`,
  };
}

function flapping(ends: readonly EndedConnection[], nowMs: number): Finding | undefined {
  const short = ends.filter(
    ({ ageMs, endedAtMs }) => ageMs < FLAPPING_AGE_MS && nowMs - endedAtMs < FLAPPING_WITHIN_MS,
  );
  if (short.length < FLAPPING_ENDS) return undefined;
  const codes = [...new Set(short.map(({ code }) => code))].join(', ');
  return {
    pattern: 'flapping',
    cause: 'Connections are made and end soon after: an unstable network, or a gateway that is failing.',
    evidence: `${short.length} connections of less than ${seconds(FLAPPING_AGE_MS)} within ${FLAPPING_WITHIN_MS / 60_000} min; codes ${codes}`,
    advice:
      "Compare with other clients: if they flap too, look into the gateways' logs; else at this network.",
  };
}
