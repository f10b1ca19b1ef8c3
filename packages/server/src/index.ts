export type { MintTokenOptions } from './mint-token.ts';
export { mintToken } from './mint-token.ts';
