import { expect, it } from 'vitest';
import { personName } from './person-name.ts';

it.each([
  ['ada', 'Ada'],
  ['grace', 'Grace'],
  ['orders-service', 'orders-service'],
  ['constructor', 'constructor'],
  ['', ''],
])('shows the user "%s" as "%s"', (user, shown) => {
  expect(personName(user)).toBe(shown);
});
