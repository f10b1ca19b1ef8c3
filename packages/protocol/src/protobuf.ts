export type { PayloadForm } from './protobuf/fields.ts';
export {
  decodeClientFrame,
  decodeServerFrame,
  encodeClientFrame,
  encodeServerFrame,
  payloadMembers,
} from './protobuf/frame-codec.ts';
export { batchHead, messageBytes } from './protobuf/message-bytes.ts';
export { TEXTS, VALUES } from './protobuf/payload-forms.ts';
export { readProtobufFrame } from './protobuf/read-client-frame.ts';
export { WireError } from './protobuf/wire-error.ts';
