import { type FormEvent, useEffect, useState } from 'react';
import { MessageList } from './message-list.tsx';
import { StatusPill } from './status-pill.tsx';
import type { PaneState } from './pane-state.ts';
import { type PaneOptions, usePane } from './use-pane.ts';

const CUT_MS = 5000;
const TALK_EVERY_MS = 600;

const SMALL_TALK = ['The bells are up.', 'Which note comes first?', 'The low one, always.', 'Counting along.', 'Still in time.', 'Nobody missed a beat.', 'Once more from the top.', 'Ready when you are.'];

export function ChatPane(options: PaneOptions & { readonly name: string }) {
  const { state, send, cut } = usePane(options);
  const [talking, setTalking] = useState(false);
  useSmallTalk(talking, send);
  return (
    <section className="pane" aria-label={`${options.name}'s side`} data-user={options.user}>
      <header>
        <span className="avatar" aria-hidden="true">
          {options.name[0]}
        </span>
        <div>
          <h2>{options.name}</h2>
          <p className="muted">{state.gateway === undefined ? 'no gateway yet' : `on gateway ${state.gateway}`}</p>
        </div>
        <StatusPill state={state.connection} />
      </header>
      <Figures state={state} />
      {state.error !== undefined && (
        <p className="error" role="alert">
          {state.error}
        </p>
      )}
      <MessageList items={state.items} self={options.user} />
      <Composer name={options.name} send={send} />
      <footer>
        <button type="button" className="danger" onClick={() => cut(CUT_MS)} disabled={state.connection !== 'connected'}>
          Cut the connection for {CUT_MS / 1000} s
        </button>
        <label>
          <input type="checkbox" checked={talking} onChange={(event) => setTalking(event.target.checked)} /> keep talking
        </label>
      </footer>
    </section>
  );
}

function useSmallTalk(talking: boolean, send: (text: string) => void): void {
  useEffect(() => {
    if (!talking) return undefined;
    let line = 0;
    const timer = setInterval(() => send(SMALL_TALK[line++ % SMALL_TALK.length]!), TALK_EVERY_MS);
    return () => clearInterval(timer);
  }, [talking, send]);
}

function Figures({ state }: { readonly state: PaneState }) {
  const figures = [
    ['seq', state.seq ?? '–'],
    ['round trip', state.roundTripMs === undefined ? '–' : `${state.roundTripMs < 10 ? state.roundTripMs.toFixed(1) : Math.round(state.roundTripMs)} ms`],
    ['received', state.received],
    ['recovered', state.recovered],
    ['gaps', state.gaps],
  ] as const;
  return (
    <dl className="figures">
      {figures.map(([name, value]) => (
        <div key={name} data-figure={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Composer({ name, send }: { readonly name: string; readonly send: (text: string) => void }) {
  const [text, setText] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (text.trim() === '') return;
    send(text.trim());
    setText('');
  };
  return (
    <form className="composer" onSubmit={submit}>
      <input value={text} onChange={(event) => setText(event.target.value)} placeholder={`Write as ${name}…`} aria-label={`Message from ${name}`} maxLength={500} autoComplete="off" />
      <button type="submit" disabled={text.trim() === ''}>
        Send
      </button>
    </form>
  );
}
