import type { IncomingMessage } from 'node:http';
import { CarillonError } from '@carillon/protocol';

/**
 * RFC 9112, section 3.2: a request of HTTP/1.1 has one Host. With two, a proxy in front may have decided by one of them, and this server by
 * the other. HTTP/1.0 needs none: health checks of proxies speak it.
 *
 * Node refuses a missing one, but not on requests to upgrade, and takes the first of two.
 */
export function hostFault({ rawHeaders, httpVersion }: IncomingMessage): CarillonError | undefined {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (isHost(rawHeaders[at]!)) hosts++;
  if (hosts === 1 || (hosts === 0 && httpVersion !== '1.1')) return undefined;
  return new CarillonError(
    'BODY_INVALID',
    `The request has ${hosts === 0 ? 'no Host header' : `${hosts} Host headers`}; it needs one.`,
  );
}

function isHost(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === 'host';
}
