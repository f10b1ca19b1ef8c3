import type { ConnectionState } from '@carillon/client';
import { useEffect, useState } from 'react';
import type { PaneState } from './pane-state.ts';

const TONES: Readonly<Record<ConnectionState, 'good' | 'busy' | 'bad' | 'idle'>> = {
  idle: 'idle',
  authorizing: 'busy',
  opening: 'busy',
  handshaking: 'busy',
  connected: 'good',
  waiting: 'bad',
  failed: 'bad',
  closed: 'idle',
};

const TICK_MS = 100;

/** State of the connection, with what is awaited and for how long. */
export function ConnectionLine({ state }: { readonly state: PaneState }) {
  const now = useNow(state.retryAt !== undefined || state.cutUntil !== undefined);
  const { connection } = state;
  return (
    <span className={`line line-${TONES[connection]}`} data-state={connection}>
      <span className="lamp" aria-hidden="true" />
      <span role="status">{connection}</span>
      <span className="line-detail" aria-hidden="true">
        {detail(state, now)}
      </span>
    </span>
  );
}

function detail({ cutUntil, retryAt, connection }: PaneState, now: number): string {
  if (cutUntil !== undefined) return `line cut, ${left(cutUntil, now)}`;
  if (connection === 'waiting' && retryAt !== undefined) return `next attempt in ${left(retryAt, now)}`;
  return '';
}

function left(until: number, now: number): string {
  return `${(Math.max(0, until - now) / 1000).toFixed(1)} s`;
}

function useNow(ticking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!ticking) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}
