import { useEffect, useRef } from 'react';
import type { Item } from './pane-state.ts';

const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export function MessageList({ items, self }: { readonly items: readonly Item[]; readonly self: string }) {
  const end = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new item is the reason to scroll
  useEffect(() => end.current?.scrollIntoView({ block: 'nearest' }), [items]);
  if (items.length === 0) {
    return (
      <div className="messages empty">
        <p>Nothing here yet.</p>
        <p className="muted">Say something, or let the other side talk. Then cut the connection and watch what happens.</p>
      </div>
    );
  }
  return (
    <ol className="messages" aria-live="polite">
      {items.map((item) => (
        <Row key={item.key} item={item} self={self} />
      ))}
      <div ref={end} />
    </ol>
  );
}

function Row({ item, self }: { readonly item: Item; readonly self: string }) {
  if (item.kind === 'message') return <MessageRow item={item} own={item.from === self} />;
  return (
    <li className={`notice notice-${item.kind}${item.kind === 'recovery' && !item.recovered ? ' notice-bad' : ''}`}>
      <span>{noticeText(item)}</span>
      <time>{time.format(item.at)}</time>
    </li>
  );
}

function MessageRow({ item, own }: { readonly item: Extract<Item, { kind: 'message' }>; readonly own: boolean }) {
  const classes = ['message', own ? 'own' : '', item.recovered ? 'recovered' : ''].filter(Boolean).join(' ');
  return (
    <li className={classes} data-seq={item.seq}>
      <span className="seq" title="seq: the message's place in the channel">
        {item.seq}
      </span>
      <span className="body">
        <span className="from">{item.from}</span>
        <span className="text">{item.text}</span>
      </span>
      <span className="meta">{item.recovered ? 'recovered' : `${item.latencyMs} ms`}</span>
    </li>
  );
}

function noticeText(item: Exclude<Item, { kind: 'message' }>): string {
  if (item.kind === 'cut') return 'Connection cut';
  if (item.kind === 'gap') return `Gap: seq ${item.from + 1} to ${item.to} are gone`;
  const away = `${(item.awayMs / 1000).toFixed(1)} s away`;
  if (!item.recovered) return `Back after ${away}, not recovered: ${item.reason ?? 'unknown reason'}`;
  return item.missed === 0 ? `Back, ${away}, nothing was missed` : `Back, ${away}: ${item.missed} missed ${item.missed === 1 ? 'message' : 'messages'} recovered, in order`;
}
