export { createPersistence, type PersistenceOptions } from './persistence.ts';
