import { type Recovery, seconds } from './pane-state.ts';

/** The outcome of the last interruption, in words. */
export function RecoveryNote({ recovery }: { readonly recovery: Recovery }) {
  const { recovered, missed, arrived, awayMs, reason } = recovery;
  const away = `Away for ${seconds(awayMs)}.`;
  if (!recovered) {
    return (
      <p className="recovery recovery-bad" role="status">
        <strong>{away}</strong> What was missed could not be recovered: {reason ?? 'no reason given'}.
      </p>
    );
  }
  return (
    <p className="recovery" role="status" data-missed={missed} data-arrived={arrived}>
      <strong>{away}</strong>{' '}
      {missed === 0
        ? 'Nothing was missed.'
        : `${arrived} of ${missed} missed ${missed === 1 ? 'message' : 'messages'} recovered, in order.`}
    </p>
  );
}
