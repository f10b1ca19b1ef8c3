const NAMES = new Map([
  ['ada', 'Ada'],
  ['grace', 'Grace'],
]);

/** How a user is shown: the two of the page by name, everybody else by the id, which is case-sensitive. */
export function personName(user: string): string {
  return NAMES.get(user) ?? user;
}
