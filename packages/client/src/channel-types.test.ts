import { describe, expectTypeOf, it } from 'vitest';
import type { Message } from './message.ts';
import { RealtimeClient } from './realtime-client.ts';

interface ChatMessage {
  readonly text: string;
}
interface Channels {
  readonly 'chat:*': ChatMessage;
  readonly news: { readonly title: string };
}

const typed = new RealtimeClient<Channels>({ url: 'ws://localhost' });
const untyped = new RealtimeClient({ url: 'ws://localhost' });

describe('channel types', () => {
  it('come from the map, by name and by pattern', () => {
    typed.subscribe('chat:lobby', (message) => {
      expectTypeOf(message.payload).toEqualTypeOf<ChatMessage>();
    });
    typed.subscribe('news', (message) => {
      expectTypeOf(message.payload.title).toEqualTypeOf<string>();
    });
    typed.subscribe('#user:ada', (message) => {
      expectTypeOf(message.payload).toEqualTypeOf<unknown>();
    });
    expectTypeOf(
      typed.history('news').then(({ messages }) => messages[0]!.payload.title),
    ).resolves.toBeString();
  });

  it('refuse what the map does not allow', () => {
    const never = () => {
      // @ts-expect-error no such channel is declared
      typed.subscribe('caht:lobby', () => undefined);
      // @ts-expect-error no such channel is declared
      typed.publish('other', 1);
      // @ts-expect-error no such channel is declared
      typed.history('other');
      // @ts-expect-error a number is no ChatMessage
      typed.publish('chat:lobby', 1);
      // @ts-expect-error the handler takes something else than the map says
      typed.subscribe('chat:lobby', (_message: Message<{ readonly nothing: true }>) => undefined);
    };
    expectTypeOf(never).toBeFunction();
  });

  it('come from the call without a map', () => {
    untyped.subscribe<ChatMessage>('x', (message) => {
      expectTypeOf(message.payload).toEqualTypeOf<ChatMessage>();
    });
    untyped.subscribe('x', (message: Message<ChatMessage>) => {
      expectTypeOf(message.payload.text).toBeString();
    });
    untyped.subscribe('x', (message) => {
      expectTypeOf(message.payload).toEqualTypeOf<unknown>();
    });
  });

  it('say whether `stored` is there', () => {
    const never = () => {
      expectTypeOf(untyped.publish('x', 1, { stored: true }).stored).toEqualTypeOf<
        Promise<{ readonly epoch: string; readonly seq: number }>
      >();
      expectTypeOf(untyped.publish('x', 1).stored).toBeNullable();
    };
    expectTypeOf(never).toBeFunction();
  });
});
