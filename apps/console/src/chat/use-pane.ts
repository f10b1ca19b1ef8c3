import { RealtimeClient } from '@carillon/client';
import { useCallback, useEffect, useMemo, useReducer, useRef } from 'react';
import { CuttableNetwork } from '../cuttable-socket.ts';
import { type ChatMessage, INITIAL, type PaneState, reduce } from './pane-state.ts';

export interface PaneOptions {
  readonly user: string;
  readonly token: string;
  readonly gatewayUrl: string;
  readonly channel: string;
}

export interface Pane {
  readonly state: PaneState;
  readonly send: (text: string) => void;
  /** Breaks the connection from below for `durationMs`. */
  readonly cut: (durationMs: number) => void;
}

/** One user's client, its subscription, and what the pane shows of them. */
export function usePane({ user, token, gatewayUrl, channel }: PaneOptions): Pane {
  const [state, dispatch] = useReducer(reduce, INITIAL);
  const network = useMemo(() => new CuttableNetwork(), []);
  const current = useRef<RealtimeClient | undefined>(undefined);

  useEffect(() => {
    const client = new RealtimeClient({
      url: gatewayUrl,
      token,
      webSocket: network.WebSocket,
      backoff: { initialMs: 500, maxMs: 4000 },
      pingIntervalMs: 2000,
      client: { name: 'carillon-console', version: '0.1.0' },
    });
    current.current = client;
    client.on('state', ({ state: next }) => dispatch({ type: 'state', state: next, at: Date.now() }));
    client.on('connected', ({ gateway }) => dispatch({ type: 'connected', gateway }));
    client.on('latency', ({ roundTripMs }) => dispatch({ type: 'latency', roundTripMs }));
    client.on('error', (error) => dispatch({ type: 'error', message: error.message }));
    client.on('gaveUp', ({ error }) => dispatch({ type: 'error', message: error.message }));
    client.on('recovered', (event) => dispatch({ type: 'recovered', event, at: Date.now() }));
    client.on('gap', ({ from, to }) => dispatch({ type: 'gap', from: from.seq, to: to.seq, at: Date.now() }));
    client.subscribe<ChatMessage>(channel, ({ epoch, seq, timestamp, payload }) =>
      dispatch({ type: 'message', epoch, seq, timestamp, payload, at: Date.now() }),
    );
    client.connect();
    return () => {
      client.close();
      current.current = undefined;
    };
  }, [gatewayUrl, token, channel, network]);

  const send = useCallback(
    (text: string) => {
      current.current?.publish(channel, { text, from: user }).catch((error: unknown) => {
        dispatch({ type: 'error', message: error instanceof Error ? error.message : String(error) });
      });
    },
    [channel, user],
  );
  const cut = useCallback(
    (durationMs: number) => {
      dispatch({ type: 'cut', at: Date.now() });
      network.cut(durationMs);
    },
    [network],
  );
  return { state, send, cut };
}
