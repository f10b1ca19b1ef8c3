import { type Broker, PartitionsDifferError } from '@carillon/broker';
import { type Health, type Part, waitFor } from '@carillon/service';
import type { Telemetry } from '@carillon/telemetry';

/** The broker as a part of a gateway that has it for itself: waited for, and told what for, as in every service. */
export function brokerPart(broker: Broker, telemetry: Telemetry, health: Health): Part {
  return {
    name: 'broker',
    start: (signal) =>
      waitFor({
        what: 'the broker',
        attempt: (attemptSignal) => broker.start(attemptSignal),
        isFinal: (error) => error instanceof PartitionsDifferError,
        telemetry,
        signal,
        health,
      }),
    stop: () => broker.stop(),
  };
}
