/** Whole frames: one WebSocket message is one `ClientFrame` or `ServerFrame` of carillon.proto. */
import type { RequestId } from '../frame-parts.ts';
import type { ClientFrame, ServerFrame } from '../frames.ts';
import { type PayloadForm, readShape, type Shape, writeRequestId, writeShape } from './fields.ts';
import { CLIENT_FRAMES, SERVER_FRAMES } from './shapes.ts';
import { LENGTH, VARINT, WireReader } from './wire-reader.ts';
import { WireWriter } from './wire-writer.ts';

type Model = Record<string, unknown>;

/** One direction. */
interface Side {
  /** Member that holds the request id. */
  readonly id: 'id' | 're';
  /** A frame may bring a member of its own of that name: `message` and `accepted` have the `id` of a message. */
  readonly shapes: Readonly<Record<string, { readonly no: number; readonly shape: Shape<never> }>>;
  readonly byNumber: ReadonlyMap<number, string>;
}

function side(id: Side['id'], shapes: object): Side {
  const table = shapes as Side['shapes'];
  return {
    id,
    shapes: table,
    byNumber: new Map(Object.entries(table).map(([type, { no }]) => [no, type])),
  };
}

const CLIENT = /* @__PURE__ */ side('id', CLIENT_FRAMES);
const SERVER = /* @__PURE__ */ side('re', SERVER_FRAMES);

const ID_NUMBER = 1;
const ID_TEXT = 2;
/** Memory that is kept for the next frame. */
const MAX_KEPT_BYTES = 256 * 1024;

let spare: WireWriter | undefined;

function encode({ id, shapes }: Side, frame: Model, form: PayloadForm): Uint8Array<ArrayBuffer> {
  const writer = spare ?? new WireWriter();
  spare = undefined;
  writer.reset();
  if (frame[id] !== undefined) writeRequestId(writer, ID_NUMBER, frame[id] as RequestId);
  const { no, shape } = shapes[frame.type as string]!;
  writer.message(no, () => writeShape(writer, shape, frame, form));
  if (writer.capacity <= MAX_KEPT_BYTES) spare = writer;
  return writer.finish();
}

function decode({ id, shapes, byNumber }: Side, bytes: Uint8Array, form: PayloadForm): Model {
  const reader = new WireReader(bytes);
  const envelope: Model = {};
  let type: string | undefined;
  let members: Model | undefined;
  while (reader.hasMore) {
    const { no, wire } = reader.tag();
    const known = byNumber.get(no);
    if (no === ID_NUMBER && wire === VARINT) envelope[id] = reader.zigzag();
    else if (no === ID_TEXT && wire === LENGTH) envelope[id] = reader.text();
    else if (known === undefined || wire !== LENGTH) reader.skip(wire);
    else {
      members = readShape(reader.message(), shapes[known]!.shape, form, known === type ? members : undefined);
      type = known;
    }
  }
  return type === undefined ? envelope : { type, ...envelope, ...members };
}

/** Members that are payloads, by type of the client's frame. */
export function payloadMembers(type: ClientFrame['type']): readonly string[] {
  return CLIENT.shapes[type]!.shape.payloads;
}

export function encodeClientFrame(frame: ClientFrame, form: PayloadForm): Uint8Array<ArrayBuffer> {
  return encode(CLIENT, frame as unknown as Model, form);
}

/** Not validated: members are of the right kind, and no more. No `type` when there is none that is known. @throws WireError */
export function decodeClientFrame(bytes: Uint8Array, form: PayloadForm): Model {
  return decode(CLIENT, bytes, form);
}

export function encodeServerFrame(frame: ServerFrame, form: PayloadForm): Uint8Array<ArrayBuffer> {
  return encode(SERVER, frame as unknown as Model, form);
}

/** `undefined` for a type of frame that is not known here. @throws WireError */
export function decodeServerFrame(bytes: Uint8Array, form: PayloadForm): ServerFrame | undefined {
  const frame = decode(SERVER, bytes, form);
  return frame.type === undefined ? undefined : (frame as unknown as ServerFrame);
}
