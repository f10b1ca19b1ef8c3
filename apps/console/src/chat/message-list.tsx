import { memo, useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import type { ShownMessage } from './pane-state.ts';
import { personName } from './person-name.ts';

/** Closer to the end than this counts as reading along. */
const NEAR_END_PX = 60;

export function MessageList({
  messages,
  name,
}: {
  readonly messages: readonly ShownMessage[];
  readonly name: string;
}) {
  const list = useRef<HTMLDivElement>(null);
  const readingAlong = useRef(true);
  const empty = messages.length === 0;
  const stayAtEnd = useCallback(() => {
    const element = list.current;
    if (element !== null && readingAlong.current) element.scrollTop = element.scrollHeight;
  }, []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new message is the reason to scroll
  useLayoutEffect(stayAtEnd, [messages, stayAtEnd]);
  // Notes that come and go above the list change its height.
  useEffect(() => {
    if (empty || list.current === null) return undefined;
    const observer = new ResizeObserver(stayAtEnd);
    observer.observe(list.current);
    return () => observer.disconnect();
  }, [empty, stayAtEnd]);
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = list.current!;
    readingAlong.current = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  };
  if (empty) return <Empty name={name} />;
  return (
    // A list of its own inside: the role log would take the list's place, and its entries would be in none.
    <div
      className="messages"
      ref={list}
      onScroll={onScroll}
      role="log"
      aria-label={`What ${name} sees`}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      <ol>
        {messages.map((message, i) => (
          <Row key={message.key} message={message} sameUser={messages[i - 1]?.user === message.user} />
        ))}
      </ol>
    </div>
  );
}

function Empty({ name }: { readonly name: string }) {
  return (
    <div className="messages empty">
      <p>Nothing on this channel yet.</p>
      <p>
        Write as {name}, press <em>Play it through</em>, or from a terminal:
      </p>
      <code>./carillon pub chat:lobby hello</code>
    </div>
  );
}

const Row = memo(function Row({
  message,
  sameUser,
}: {
  readonly message: ShownMessage;
  readonly sameUser: boolean;
}) {
  const { seq, user, text, own, arrival, latencyMs } = message;
  return (
    <li className={`message message-${arrival}${own ? ' own' : ''}`} data-seq={seq} data-arrival={arrival}>
      <span className="seq" title="seq: the message's place in the channel">
        {seq}
      </span>
      <span className="who">{sameUser ? '' : personName(user)}</span>
      <span className="text">{text}</span>
      <span className="meta">
        {arrival === 'recovered' ? 'recovered' : latencyMs === undefined ? '' : `${latencyMs} ms`}
      </span>
    </li>
  );
});
