import { useCallback, useEffect, useState } from 'react';
import { ChatPane } from './chat/pane.tsx';
import { personName } from './chat/person-name.ts';
import { usePane } from './chat/use-pane.ts';
import { type ConsoleConfig, fetchConsoleConfig } from './console-config.ts';
import { useDemonstration } from './demonstration/use-demonstration.ts';
import { READING } from './reading.ts';
import { RollView } from './roll/roll.tsx';
import { TokenForm } from './token-form.tsx';

const CHANNEL = 'chat:lobby';
const ADA = 'ada';
const GRACE = 'grace';
const RELOAD_AFTER_MS = 3_000;

type Loading = { readonly config: ConsoleConfig } | { readonly error: string } | undefined;

export function App() {
  const { loading, reload } = useConfig();
  if (loading === undefined) return <Frame />;
  if ('error' in loading) return <Unavailable error={loading.error} onRetry={reload} />;
  return <SignedIn config={loading.config} />;
}

function useConfig(): { loading: Loading; reload: () => void } {
  const [loading, setLoading] = useState<Loading>();
  const reload = useCallback(() => {
    fetchConsoleConfig().then(
      (config) => setLoading({ config }),
      (error: Error) => setLoading({ error: error.message }),
    );
  }, []);
  useEffect(reload, [reload]);
  useEffect(() => {
    if (loading === undefined || !('error' in loading)) return undefined;
    const timer = setTimeout(reload, RELOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, [loading, reload]);
  return { loading, reload };
}

function SignedIn({ config }: { readonly config: ConsoleConfig }) {
  const [pasted, setPasted] = useState<string>();
  if (config.tokens === undefined && pasted === undefined) {
    return (
      <Frame>
        <TokenForm gatewayUrl={config.gatewayUrl} onToken={setPasted} />
      </Frame>
    );
  }
  return <Duet gatewayUrl={config.gatewayUrl} pasted={pasted} />;
}

/** Asked again at each need: the page may stay open for longer than a token lives. */
function useToken(user: string, pasted: string | undefined): () => Promise<string> {
  return useCallback(async () => {
    if (pasted !== undefined) return pasted;
    const token = (await fetchConsoleConfig()).tokens?.[user];
    if (token === undefined) throw new Error(`The admin service hands out no token for ${user}.`);
    return token;
  }, [user, pasted]);
}

function Duet({ gatewayUrl, pasted }: { readonly gatewayUrl: string; readonly pasted: string | undefined }) {
  const ada = usePane({ user: ADA, getToken: useToken(ADA, pasted), gatewayUrl, channel: CHANNEL });
  const grace = usePane({ user: GRACE, getToken: useToken(GRACE, pasted), gatewayUrl, channel: CHANNEL });
  const { running, run } = useDemonstration(ada, grace);
  const ready = ada.state.connection === 'connected' && grace.state.connection === 'connected';
  return (
    <Frame
      playing={running}
      action={
        <button type="button" onClick={run} disabled={running || !ready}>
          {running ? 'Playing…' : 'Play it through'}
        </button>
      }
    >
      <RollView panes={[ada, grace]} />
      <div className="panes">
        <ChatPane pane={ada} name={personName(ADA)} />
        <ChatPane pane={grace} name={personName(GRACE)} />
      </div>
    </Frame>
  );
}

function Frame({
  children,
  action,
  playing = false,
}: {
  readonly children?: React.ReactNode;
  readonly action?: React.ReactNode;
  /** On a small screen both panes have to be in view. */
  readonly playing?: boolean;
}) {
  return (
    <div className={playing ? 'page playing' : 'page'}>
      <header className="top">
        <Bell />
        <h1>Carillon</h1>
        <p className="tagline">
          Two users, one channel. Cut a line: what was missed comes back, in order, once.
        </p>
        <code className="channel">{CHANNEL}</code>
        {action}
      </header>
      <main>{children}</main>
      <footer className="reading">
        {READING.map(({ text, path }) => (
          <a key={path} href={path}>
            {text}
          </a>
        ))}
      </footer>
    </div>
  );
}

function Unavailable({ error, onRetry }: { readonly error: string; readonly onRetry: () => void }) {
  return (
    <Frame>
      <div className="notice" role="alert">
        <h2>No connection to Carillon</h2>
        <p>{error}</p>
        <p>
          Is it running? <code>npm start</code> starts it. The page tries again by itself.
        </p>
        <button type="button" onClick={onRetry}>
          Try now
        </button>
      </div>
    </Frame>
  );
}

function Bell() {
  return (
    <svg viewBox="0 0 32 32" className="bell" aria-hidden="true">
      <path d="M16 3.500c.9 0 1.600.7 1.600 1.600v1c3.700.8 5.900 4 6.200 8.600.3 4.300 1 6.300 3.200 8.300v1.500H5V23c2.200-2 2.900-4 3.200-8.300.3-4.600 2.500-7.800 6.200-8.600v-1c0-.9.7-1.600 1.600-1.600Z" />
      <path d="M12.600 26.400h6.800a3.400 3.400 0 0 1-6.800 0Z" />
    </svg>
  );
}
