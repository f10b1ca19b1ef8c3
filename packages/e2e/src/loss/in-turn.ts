import type { RecordedPublisher } from '../check/recorded-publisher.ts';

/** Publishes so many messages, the next one when the one before has its outcome. */
export async function publishInTurn(publisher: RecordedPublisher, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await publisher.publish();
}
