import type { RouterPort } from '@carillon/broker';

/** The same port, but for some methods: for faults and pauses that can't be had from outside at will. */
export function interceptPort(port: RouterPort, methods: Partial<RouterPort>): RouterPort {
  const bound = (name: keyof RouterPort): unknown => (port[name] as (...args: never[]) => unknown).bind(port);
  return new Proxy(port, {
    get: (_port, name) => methods[name as keyof RouterPort] ?? bound(name as keyof RouterPort),
  });
}
