import type { ConnectionState } from '@carillon/client';

const LABELS: Readonly<Record<ConnectionState, { text: string; tone: 'good' | 'busy' | 'bad' | 'idle' }>> = {
  idle: { text: 'not connected', tone: 'idle' },
  authorizing: { text: 'connecting', tone: 'busy' },
  opening: { text: 'connecting', tone: 'busy' },
  handshaking: { text: 'connecting', tone: 'busy' },
  connected: { text: 'connected', tone: 'good' },
  waiting: { text: 'reconnecting', tone: 'bad' },
  failed: { text: 'gave up', tone: 'bad' },
  closed: { text: 'closed', tone: 'idle' },
};

export function StatusPill({ state }: { readonly state: ConnectionState }) {
  const { text, tone } = LABELS[state];
  return (
    <span className={`pill pill-${tone}`} role="status" data-state={state}>
      <span className="dot" aria-hidden="true" />
      {text}
    </span>
  );
}
