/** How the content of a field is to be read. https://protobuf.dev/programming-guides/encoding/#structure */
export const WIRE_TYPES = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

export type WireType = (typeof WIRE_TYPES)[keyof typeof WIRE_TYPES];
