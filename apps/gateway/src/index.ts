export type { GatewayConfig } from './config.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway.ts';
