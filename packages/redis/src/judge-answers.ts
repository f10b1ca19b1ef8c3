import type { Endpoint } from './address.ts';
import type { SentinelAnswer } from './sentinel-link.ts';

export function nameOf({ host, port }: Endpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * The answer to trust. Each failover has a higher number than those before it, so the highest is the newest, even when
 * one sentinel alone knows of it yet; sentinels go by the same rule among themselves. Of several with the highest
 * number the most common one.
 * @param known the present primary: no older answer replaces it, unless a majority of the `configured` sentinels gives
 * one: they were set up anew
 */
export function judge(
  answers: readonly SentinelAnswer[],
  known: SentinelAnswer | undefined,
  configured: number,
): SentinelAnswer {
  const votesOf = (answer: SentinelAnswer): number =>
    answers.filter(
      ({ primary, configEpoch }) =>
        configEpoch === answer.configEpoch && nameOf(primary) === nameOf(answer.primary),
    ).length;
  const best = answers.reduce((one, other) => {
    if (one.configEpoch !== other.configEpoch) return one.configEpoch > other.configEpoch ? one : other;
    return votesOf(other) > votesOf(one) ? other : one;
  });
  if (known === undefined || best.configEpoch > known.configEpoch) return best;
  const isMajority = votesOf(best) * 2 > configured;
  return isMajority ? best : known;
}
