import { useLayoutEffect, useRef } from 'react';
import type { LogLine } from './pane-state.ts';

const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 1,
});

/** Connection events, newest first. */
export function EventLog({ log, name }: { readonly log: readonly LogLine[]; readonly name: string }) {
  const list = useRef<HTMLOListElement>(null);
  const isAtNewest = useRef(true);
  const newest = log.at(-1)?.key;
  // The list snaps to whole lines, and a browser goes on showing the line to which it had snapped: each new one would be out of view.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs when there is another line
  useLayoutEffect(() => {
    if (isAtNewest.current && list.current !== null) list.current.scrollTop = 0;
  }, [newest]);
  return (
    <div className="log-frame">
      <ol
        className="log"
        ref={list}
        onScroll={({ currentTarget }) => {
          isAtNewest.current = currentTarget.scrollTop === 0;
        }}
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
