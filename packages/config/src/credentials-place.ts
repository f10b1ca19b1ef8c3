/**
 * A `/`, `?` or `#` in a password that is not percent-encoded ends the host there: a part of the password would be taken for the host,
 * asked for in DNS and logged. Such a URL is recognised by the `@` that stands behind the host.
 * @returns what is wrong, without any of the text
 */
export function misplacedCredentials(given: string): string | undefined {
  const [, rest = ''] = /^[^:/]+:\/\/[^/?#]*(.*)$/s.exec(given) ?? [];
  // The value of a parameter may hold an @.
  const outsideValues = rest.replaceAll(/=[^&#]*/g, '');
  return outsideValues.includes('@')
    ? 'an @ stands behind the host. A / ? or # in the user or password ends the host name, so write %2F %3F %23 there, and %40 for an @'
    : undefined;
}
