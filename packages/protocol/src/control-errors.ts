import { define, type ErrorDefinition } from './error-definition.ts';

/** Codes of the control port, and of what operators do to a gateway. */
export const CONTROL_ERRORS = {
  NODE_UNANSWERED: define(
    true,
    504,
    'The node did not answer in time, or is away: the command may have been carried out or not.',
    'Look at `GET /v1/nodes`. Commands do no harm when they are repeated.',
  ),
  COMMAND_UNKNOWN: define(
    false,
    501,
    'The node does not know this command: it is of another version, or another service.',
    'Compare the versions in `GET /v1/nodes`.',
  ),
  NEW_CONNECTIONS_REFUSED: define(
    true,
    503,
    'An operator has this gateway refuse new connections.',
    'Reconnect; another gateway will take you. Operators: `carillon gateway accept`.',
  ),
} as const satisfies Record<string, ErrorDefinition>;
