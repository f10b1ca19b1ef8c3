/** Runs in the browser: one client with a stored state; what it saw and what became of its publishes survives in the tab. */
import { browserStorage, RealtimeClient } from '@carillon/client';

/** Interface of the page for the tests. */
export interface ReloadPage {
  readonly client: RealtimeClient;
  /** Resolves when the server has confirmed the subscription: what comes later is seen. */
  ready(): Promise<void>;
  /** Of all lives of this tab, in order. */
  seen(): [epoch: string, seq: number, payload: string][];
  outcomes(): [payload: string, outcome: string][];
  /** States that were thrown away: why, and the payloads in them. */
  discarded(): [reason: string, payloads: string[]][];
  publish(text: string): void;
}

interface Tab {
  readonly sessionStorage: { getItem(key: string): string | null; setItem(key: string, value: string): void };
  readonly location: { readonly search: string };
  reloadPage: ReloadPage;
}

const tab = globalThis as unknown as Tab;
const parameters = new URLSearchParams(tab.location.search);
const channel = parameters.get('channel')!;
/** A tab opened by another one gets a copy of its storage: what the other one saw is not what this one saw. */
const name = parameters.get('tab')!;

/** One key per item: adding one costs the same however many there are. */
function list<Item>(key: string): { items(): Item[]; add(item: Item): void } {
  const { sessionStorage } = tab;
  const read = (at: number): string | null => sessionStorage.getItem(`${name} ${key} ${at}`);
  let count = 0;
  while (read(count) !== null) count++;
  return {
    items: () => Array.from({ length: count }, (_, at) => JSON.parse(read(at)!) as Item),
    add: (item) => sessionStorage.setItem(`${name} ${key} ${count++}`, JSON.stringify(item)),
  };
}

const seen = list<[string, number, string]>('seen');
const outcomes = list<[string, string]>('outcomes');
const discarded = list<[string, string[]]>('discarded');

const pauseMs = Number(parameters.get('pauseMs') ?? 50);
const client = new RealtimeClient({
  url: parameters.get('url')!,
  token: parameters.get('token')!,
  backoff: { initialMs: pauseMs, maxMs: Math.max(200, pauseMs) },
  ...(parameters.has('pauseMs') ? { random: () => 0.99 } : {}),
  ...(parameters.has('maxAgeMs') ? { stateMaxAgeMs: Number(parameters.get('maxAgeMs')) } : {}),
  ...(parameters.get('storage') === 'none' ? {} : { storage: browserStorage() }),
});
client.on('restoredPublish', ({ payload, result }) => outcomes.add([String(payload), result.outcome]));
client.on('stateDiscarded', ({ reason, publishes }) =>
  discarded.add([reason, publishes.map(({ payload }) => String(payload))]),
);
const subscription = client.subscribe(channel, ({ epoch, seq, payload }) =>
  seen.add([epoch, seq, String(payload)]),
);
client.connect();

tab.reloadPage = {
  client,
  ready: () => subscription.ready(),
  seen: seen.items,
  outcomes: outcomes.items,
  discarded: discarded.items,
  publish: (text) => {
    client.publish(channel, text).then(
      () => outcomes.add([text, 'accepted']),
      ({ code }: { code: string }) => outcomes.add([text, code]),
    );
  },
};
