import type { Dedupe, Publication, StoragePolicy } from '../../ports.ts';
import type { ChannelState } from '../channel-state.ts';

/** Policies are few and live as long as the process. */
const HISTORIES = new WeakMap<NonNullable<StoragePolicy['history']>, string>();

/**
 * A message entry as JSON, put together from texts: half of what JSON.stringify takes for it. What is the same for all messages of a channel is made once.
 * @param log number of its entry in the log
 */
export function messageJson(
  channel: ChannelState,
  { id, keeping: { history }, dedupe, former }: Publication,
  atMs: number,
  log: number | undefined,
): string {
  channel.journalHead ??= headOf(channel);
  const last = former === undefined ? '}' : `,"former":${JSON.stringify(former)}}`;
  return `${channel.journalHead}${channel.seq},"id":${JSON.stringify(id)},"atMs":${atMs}${historyJson(history)}${
    log === undefined ? '' : `,"log":${log}`
  }${dedupeJson(dedupe)}${last}`;
}

function headOf({ key, epoch }: ChannelState): string {
  return `{"type":"message","channel":${JSON.stringify(key)},"epoch":"${epoch}","seq":`;
}

function historyJson(history: StoragePolicy['history']): string {
  if (history === undefined) return '';
  let text = HISTORIES.get(history);
  if (text === undefined) {
    text = `,"history":${JSON.stringify(history)}`;
    HISTORIES.set(history, text);
  }
  return text;
}

function dedupeJson(dedupe: Dedupe | undefined): string {
  if (dedupe === undefined) return '';
  if (dedupe.kind === 'key') return `,"dedupe":${JSON.stringify(dedupe)}`;
  const { producer, seq, prev, fingerprint } = dedupe;
  return `,"dedupe":{"kind":"producer","producer":${JSON.stringify(producer)},"seq":${seq},"prev":${prev},"fingerprint":${fingerprint}}`;
}
