import { RealtimeClient, type RealtimeError } from '@carillon/client';
import { useCallback, useEffect, useReducer, useRef } from 'react';
import { CuttableNetwork } from '../cuttable-network.ts';
import { followChannel } from './follow-channel.ts';
import { INITIAL, type PaneChange, type PaneState, reduce } from './pane-state.ts';

export interface PaneOptions {
  readonly user: string;
  readonly getToken: () => Promise<string>;
  readonly gatewayUrl: string;
  readonly channel: string;
}

export interface Pane {
  readonly user: string;
  readonly state: PaneState;
  readonly send: (text: string) => void;
  /** Cuts the line, for `durationMs` or until it is restored. */
  readonly cut: (durationMs: number) => void;
  readonly restore: () => void;
}

type Report = (change: PaneChange) => void;

/** One user's client, its subscription, and what the pane shows of them. */
export function usePane({ user, getToken, gatewayUrl, channel }: PaneOptions): Pane {
  const [state, dispatch] = useReducer(reduce, INITIAL);
  const network = useRef(new CuttableNetwork());
  const client = useRef<RealtimeClient | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const report = useCallback<Report>((change) => dispatch({ ...change, at: Date.now() }), []);

  useEffect(() => {
    const opened = new RealtimeClient({
      url: gatewayUrl,
      getToken,
      webSocket: network.current.WebSocket,
      backoff: { initialMs: 300, maxMs: 1_500 },
      pingIntervalMs: 2_000,
      client: { name: 'carillon-console', version: '0.1.0' },
    });
    client.current = opened;
    reportEvents(opened, gatewayUrl, report);
    opened.connect();
    followChannel(opened, channel, {
      onHistory: (messages) => report({ type: 'history', messages }),
      onMessage: (message) => report({ type: 'message', message }),
      onProblem: (text) => report({ type: 'error', text }),
    });
    return () => {
      clearTimeout(timer.current);
      network.current.restore();
      opened.close();
    };
  }, [gatewayUrl, getToken, channel, report]);

  const restore = useCallback(() => {
    clearTimeout(timer.current);
    network.current.restore();
    report({ type: 'restored' });
  }, [report]);

  const cut = useCallback(
    (durationMs: number) => {
      clearTimeout(timer.current);
      timer.current = setTimeout(restore, durationMs);
      report({ type: 'cut', untilMs: Date.now() + durationMs });
      network.current.cut();
    },
    [report, restore],
  );

  const send = useCallback(
    async (text: string) => {
      report({ type: 'sending' });
      try {
        await client.current?.publish(channel, { text });
      } catch (error) {
        report({ type: 'error', text: `not sent: ${(error as Error).message}` });
      }
      report({ type: 'sent' });
    },
    [channel, report],
  );

  return { user, state, send, cut, restore };
}

function reportEvents(client: RealtimeClient, gatewayUrl: string, report: Report): void {
  client.on('state', ({ state }) => report({ type: 'state', state }));
  client.on('connected', ({ gateway, reconnected }) => report({ type: 'connected', gateway, reconnected }));
  client.on('disconnected', ({ code, reason, willReconnect }) => {
    if (willReconnect) report({ type: 'disconnected', code, reason });
  });
  client.on('reconnecting', ({ attempt, delayMs, error }) =>
    report({ type: 'reconnecting', attempt, delayMs, problem: problemOf(error, gatewayUrl) }),
  );
  client.on('latency', ({ roundTripMs }) => report({ type: 'latency', roundTripMs }));
  client.on('recovered', (event) => report({ type: 'recovered', event }));
  client.on('gap', (event) => report({ type: 'gap', event }));
  client.on('error', (error) => report({ type: 'error', text: error.message }));
  client.on('gaveUp', ({ error }) => report({ type: 'error', text: error.message }));
}

/** A socket that can't be opened says nothing about why. */
function problemOf(error: RealtimeError, gatewayUrl: string): string {
  if (error.code !== 'CONNECTION_LOST') return error.message;
  return `No way to the gateway at ${new URL(gatewayUrl, location.href).host}. What you write is kept, and sent when it is back.`;
}
