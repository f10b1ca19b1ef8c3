interface SdkErrorDefinition {
  /** SDK that raises the error, as a package name. */
  readonly sdk: '@carillon/client' | '@carillon/server';
  readonly meaning: string;
}

const client = (meaning: string): SdkErrorDefinition => ({ sdk: '@carillon/client', meaning });
const server = (meaning: string): SdkErrorDefinition => ({ sdk: '@carillon/server', meaning });

/** Codes that the SDKs give by themselves, before or instead of an answer. Never on the wire. */
export const SDK_ERRORS = {
  CLOSED: client('The client was closed.'),
  GAVE_UP: client('There is no connection, and no further attempt.'),
  CONNECTION_LOST: client('A connection or an attempt ended; `reconnecting` comes with it.'),
  TOKEN_CALLBACK_FAILED: client('`getToken` threw; `cause` is what it threw.'),
  OUTBOX_FULL: client('Too many publishes wait for their answers.'),
  REQUESTS_FULL: client('Too many requests wait for their answers.'),
  USER_CHANGED: client("It waited for a connection, and the next one is another user's."),
  FRAME_UNREADABLE: client('The server, or a proxy, sent something that is no frame.'),
  STATE_NOT_SAVED: client('The storage refused the state for the next reload.'),
  SNAPSHOT_FAILED: client('`onSnapshotNeeded` threw; it is called again.'),
  UNREACHABLE: server('No answer came, after all repeats; or the connection of a worker was lost.'),
  ANSWER_UNREADABLE: server("The answer is not Carillon's: a proxy in between may have given it."),
} as const satisfies Record<string, SdkErrorDefinition>;
