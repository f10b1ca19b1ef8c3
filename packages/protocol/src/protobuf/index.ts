export type { PayloadForm } from './fields.ts';
export {
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  payloadMembers,
} from './frame-codec.ts';
export { batchHead, messageBytes } from './message-bytes.ts';
export { TEXTS, VALUES } from './payload-forms.ts';
export { readProtobufFrame } from './read-client-frame.ts';
export { WireError } from './wire-error.ts';
