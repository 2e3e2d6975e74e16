import type { JsonObject } from './json.ts';

/** What the conversions need to know of a message type: the registry makes these from the .proto files. */
export interface MessageShape {
  /** Full name, for example `envoy.config.core.v3.Address`. */
  readonly name: string;
  /** What its JSON is: an object of its fields, those of the message in an Any, or what well-known.ts says. */
  readonly form: 'fields' | 'any' | 'own';
  /** By name, in the order of their numbers. */
  readonly fields: ReadonlyMap<string, FieldShape>;
  /** Of which one must be set: the members of each oneof that is marked (validate.required). */
  readonly requiredOneofs: readonly (readonly string[])[];
  /** The .proto file switches all rules of this message off. */
  readonly hasNoRules: boolean;
  toBytes(message: PlainMessage): Uint8Array;
  /** @throws Error when the bytes are not a message of this type. */
  fromBytes(bytes: Uint8Array): PlainMessage;
}

/** Field values by name as the encoder takes them: bytes as Uint8Array, 64-bit integers as Integer64. */
export type PlainMessage = Record<string, unknown>;

/** The two halves of a 64-bit integer, two's complement. */
export interface Integer64 {
  readonly low: number;
  readonly high: number;
  readonly unsigned: boolean;
}

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'bool'
  | 'string'
  | 'bytes';

export interface EnumShape {
  readonly name: string;
  readonly numbers: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, string>;
}

export type ValueShape =
  | { readonly kind: 'scalar'; readonly type: ScalarType }
  | { readonly kind: 'enum'; readonly type: EnumShape }
  /** A function, because types refer to each other in circles. */
  | { readonly kind: 'message'; readonly type: () => MessageShape };

export interface FieldShape {
  readonly name: string;
  /** Its number. */
  readonly id: number;
  /** The members of a list stand without heads, one after the other. */
  readonly packed: boolean;
  readonly rule: 'single' | 'repeated' | 'map';
  readonly value: ValueShape;
  /** Type of a map's keys; undefined for other fields. */
  readonly keyType: ScalarType | undefined;
  /** Name of the oneof that the field is a member of; '' = none. */
  readonly oneof: string;
  /**
   * Whether absent is another state than set to the default. `oneof`: it is, and what must be said of an absent field is
   * said of the oneof; also of one with a single member, which an `optional` field has.
   */
  readonly presence: 'none' | 'explicit' | 'oneof';
  /** Marked (udpa.annotations.sensitive): a key or a password, not to be shown. */
  readonly sensitive: boolean;
  /** Its (validate.rules), by their names in validate.proto; undefined = none. */
  readonly rules: JsonObject | undefined;
}
