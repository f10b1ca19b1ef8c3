import { useCallback, useEffect, useRef, useState } from 'react';
import type { Pane } from '../chat/use-pane.ts';

const LINES = [
  'Bells up.',
  'Low one first?',
  'Always the low one.',
  'Counting along.',
  'Still in time.',
  'Nobody missed a beat.',
  'Once more, from the top.',
  'Ready when you are.',
];
const TALK_EVERY_MS = 450;
const CUT_AFTER_MS = 1_800;
const CUT_FOR_MS = 4_000;
const END_AFTER_MS = 8_000;

/** Text number `n` of the small talk. */
export function smallTalk(n: number): string {
  return LINES[n % LINES.length]!;
}

/** Both talk; the second one's line is cut in the middle, and what was missed comes back. */
export function useDemonstration(speaker: Pane, listener: Pane): { running: boolean; run: () => void } {
  const [running, setRunning] = useState(false);
  const timers = useRef<ReturnType<typeof setTimeout>[]>([]);
  const { send } = speaker;
  const { send: answer, cut } = listener;

  const stop = useCallback(() => {
    for (const timer of timers.current) clearTimeout(timer);
    timers.current = [];
  }, []);
  useEffect(() => stop, [stop]);

  const run = useCallback(() => {
    stop();
    setRunning(true);
    const at = (ms: number, action: () => void) => timers.current.push(setTimeout(action, ms));
    for (let n = 0; n * TALK_EVERY_MS < END_AFTER_MS; n++) {
      const talk = n % 5 === 2 ? answer : send;
      at(n * TALK_EVERY_MS, () => talk(smallTalk(n)));
    }
    at(CUT_AFTER_MS, () => cut(CUT_FOR_MS));
    at(END_AFTER_MS, () => setRunning(false));
  }, [stop, send, answer, cut]);

  return { running, run };
}
