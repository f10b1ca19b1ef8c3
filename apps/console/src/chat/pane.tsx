import { useEffect, useState } from 'react';
import { smallTalk } from '../demonstration/use-demonstration.ts';
import { Composer } from './composer.tsx';
import { ConnectionLine } from './connection-line.tsx';
import { EventLog } from './event-log.tsx';
import { MessageList } from './message-list.tsx';
import type { PaneState } from './pane-state.ts';
import { RecoveryNote } from './recovery-note.tsx';
import type { Pane } from './use-pane.ts';

const CUT_MS = 5_000;
const TALK_EVERY_MS = 600;

export function ChatPane({ pane, name }: { readonly pane: Pane; readonly name: string }) {
  const { state, send, cut, restore, user } = pane;
  const [talking, setTalking] = useState(false);
  useSmallTalk(talking, send);
  const isCut = state.cutUntil !== undefined;
  return (
    <section className={isCut ? 'pane cut' : 'pane'} aria-label={`${name}'s side`} data-user={user}>
      <header className="pane-head">
        <h2>{name}</h2>
        <ConnectionLine state={state} />
      </header>
      <Figures state={state} />
      {state.problem !== undefined && !isCut && (
        <p className="problem" role="alert">
          {state.problem}
        </p>
      )}
      {state.recovery !== undefined && <RecoveryNote recovery={state.recovery} />}
      <MessageList messages={state.messages} name={name} />
      <Composer name={name} unsent={state.unsent} send={send} />
      <div className="controls">
        {isCut ? (
          <button type="button" onClick={restore}>
            Mend the line
          </button>
        ) : (
          <button
            type="button"
            className="danger"
            onClick={() => cut(CUT_MS)}
            disabled={state.connection !== 'connected'}
          >
            Cut the line for {CUT_MS / 1000} s
          </button>
        )}
        <label>
          <input type="checkbox" checked={talking} onChange={(event) => setTalking(event.target.checked)} />
          keep talking
        </label>
      </div>
      <EventLog log={state.log} name={name} />
    </section>
  );
}

function useSmallTalk(talking: boolean, send: (text: string) => void): void {
  useEffect(() => {
    if (!talking) return undefined;
    let line = 0;
    const timer = setInterval(() => send(smallTalk(line++)), TALK_EVERY_MS);
    return () => clearInterval(timer);
  }, [talking, send]);
}

function Figures({ state }: { readonly state: PaneState }) {
  const { roundTripMs } = state;
  const latency = state.messages.findLast((message) => message.latencyMs !== undefined)?.latencyMs;
  const figures = [
    ['seq', 'Place of the newest message in the channel', state.messages.at(-1)?.seq ?? '–'],
    [
      'latency',
      'Newest message, from the gateway to this page',
      latency === undefined ? '–' : `${latency} ms`,
    ],
    [
      'round trip',
      'Ping to the gateway and back',
      roundTripMs === undefined
        ? '–'
        : `${roundTripMs < 10 ? roundTripMs.toFixed(1) : Math.round(roundTripMs)} ms`,
    ],
    ['received', 'Messages since the page was opened', state.received],
    ['gaps', 'Breaks in the run of seq', state.gaps],
  ] as const;
  return (
    <dl className="figures">
      {figures.map(([name, title, value]) => (
        <div key={name} data-figure={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
