import { define, type ErrorDefinition } from './error-definition.ts';

/** Codes of request and response. */
export const REQUEST_ERRORS = {
  NO_RESPONDER: define(
    true,
    503,
    'No back end answers this method now; nothing was done.',
    'Start a worker or an endpoint that answers the method; compare the name and the app of its token.',
  ),
  RESPONDER_BUSY: define(
    true,
    503,
    'As many requests for this method wait as may; nothing was done.',
    'Try again later; add workers, or raise their concurrency.',
  ),
  RESPONDER_LOST: define(
    true,
    502,
    'The back end that had the request went away before it answered: the request may have been carried out or not.',
    'Ask again only what may be done twice, or look at the state first.',
  ),
  RESPONDER_ERROR: define(
    false,
    422,
    'The back end answered with an error of its own.',
    'See `reason` and the message; `retryable` is what the back end says.',
  ),
  REQUEST_CANCELLED: define(
    false,
    499,
    'The request was cancelled by the one who asked; the back end may have begun it.',
    'Nothing, it was asked for.',
  ),
  REQUEST_LIMIT: define(
    true,
    429,
    'As many requests wait for their answers as may.',
    'Wait for answers, or raise CARILLON_MAX_REQUESTS_PER_CONNECTION or CARILLON_MAX_REQUESTS.',
  ),
  REQUEST_UNKNOWN: define(
    false,
    409,
    'This worker has no open request of that id.',
    'Answer each request once, on the connection on which it came.',
  ),
} as const satisfies Record<string, ErrorDefinition>;
