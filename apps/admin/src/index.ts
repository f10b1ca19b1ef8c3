export { type AdminOptions, type AdminService, createAdmin } from './admin.ts';
export type { ConsoleConfig } from './static-files.ts';
