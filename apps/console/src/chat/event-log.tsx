import type { LogLine } from './pane-state.ts';

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 1,
});

/** Connection events, newest first. */
export function EventLog({ log, name }: { readonly log: readonly LogLine[]; readonly name: string }) {
  return (
    <div className="log-frame">
      <ol
        className="log"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={`Events of ${name}'s connection, newest first`}
      >
        {log.toReversed().map(({ key, at, tone, text }) => (
          <li key={key} className={`log-${tone}`}>
            <time>{clock.format(at)}</time> {text}
          </li>
        ))}
      </ol>
    </div>
  );
}
