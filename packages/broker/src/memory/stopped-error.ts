import { CarillonError } from '@carillon/protocol';

/** For what is asked of a broker after its stop. */
export function stoppedError(): CarillonError {
  return new CarillonError('UNAVAILABLE', 'The broker has stopped.');
}
