import { useEffect, useState } from 'react';
import { ChatPane } from './chat/pane.tsx';
import { type ConsoleConfig, fetchConsoleConfig } from './console-config.ts';
import { TokenForm } from './token-form.tsx';

const CHANNEL = 'chat:lobby';
const PEOPLE = [
  { user: 'ada', name: 'Ada' },
  { user: 'grace', name: 'Grace' },
] as const;

type Loading = { readonly config: ConsoleConfig } | { readonly error: string } | undefined;

export function App() {
  const [loading, setLoading] = useState<Loading>();
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: an attempt is the reason to load again
  useEffect(() => {
    fetchConsoleConfig().then(
      (config) => setLoading({ config }),
      (error: unknown) => setLoading({ error: error instanceof Error ? error.message : String(error) }),
    );
  }, [attempt]);
  return (
    <>
      <header className="top">
        <Bell />
        <div>
          <h1>Carillon</h1>
          <p className="muted">Two clients, one channel. Every message has a number; cut a connection and count.</p>
        </div>
        <code className="channel">{CHANNEL}</code>
      </header>
      <main>
        {loading === undefined && <p className="muted centred">Loading…</p>}
        {loading !== undefined && 'error' in loading && (
          <div className="centred">
            <p className="error" role="alert">
              {loading.error}
            </p>
            <button type="button" onClick={() => setAttempt(attempt + 1)}>
              Try again
            </button>
          </div>
        )}
        {loading !== undefined && 'config' in loading && <Panes config={loading.config} />}
      </main>
    </>
  );
}

function Panes({ config }: { readonly config: ConsoleConfig }) {
  const [pasted, setPasted] = useState<string>();
  const tokenOf = (user: string): string | undefined => config.tokens?.[user] ?? pasted;
  if (tokenOf(PEOPLE[0].user) === undefined) return <TokenForm gatewayUrl={config.gatewayUrl} onToken={setPasted} />;
  return (
    <div className="panes">
      {PEOPLE.map(({ user, name }) => (
        <ChatPane key={user} user={user} name={name} token={tokenOf(user)!} gatewayUrl={config.gatewayUrl} channel={CHANNEL} />
      ))}
    </div>
  );
}

function Bell() {
  return (
    <svg viewBox="0 0 32 32" width="40" height="40" aria-hidden="true">
      <rect width="32" height="32" rx="8" className="bell-ground" />
      <path d="M16 6c-4 0-6 3-6 7v5l-2 3h16l-2-3v-5c0-4-2-7-6-7zm-2.500 17a2.500 2.500 0 0 0 5 0z" fill="#fff" />
    </svg>
  );
}
