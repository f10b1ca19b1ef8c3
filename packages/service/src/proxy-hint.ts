/** More segments than any route below a collection has: collection, name, what is asked of it. */
const NAME_WITH_SLASHES = /^\/v1\/(?:channels|users|sessions|schedules)(?:\/[^/]+){3,}$/;

/**
 * Hint for an unknown path that a proxy may have changed: a name with a slash is one segment, as `%2F`, and some
 * proxies decode it.
 */
export function proxyHint(path: string): string {
  if (NAME_WITH_SLASHES.test(path) && !/%2f/i.test(path))
    return '. If the name has a slash: a proxy on the way has decoded its %2F, as nginx does when proxy_pass has a path (docs/guides/path-prefixes.md).';
  const prefix = path.indexOf('/v1/');
  return prefix > 0
    ? `. The routes begin with /v1: a proxy on the way has to take off ${path.slice(0, prefix)} (docs/guides/path-prefixes.md).`
    : '';
}
