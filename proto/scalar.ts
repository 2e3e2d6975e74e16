/** Scalars between JSON and what the encoder takes. A wrong value throws a ProtoError with the path given. */
import { type Json, ProtoError } from './json.ts';
import type { Integer64, ScalarType } from './shape.ts';

/** @throws ProtoError */
export function scalarFromJson(type: ScalarType, json: Json, path: string): unknown {
  switch (type) {
    case 'bool':
      return boolFromJson(json, path);
    case 'string':
      return textFromJson(json, path);
    case 'bytes':
      return bytesFromJson(json, path);
    case 'double':
    case 'float':
      return floatFromJson(json, path);
    case 'uint32':
    case 'fixed32':
      return uint32FromJson(json, path);
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return int32FromJson(json, path);
    case 'uint64':
    case 'fixed64':
      return uint64FromJson(json, path);
    case 'int64':
    case 'sint64':
    case 'sfixed64':
      return int64FromJson(json, path);
  }
}

export function boolFromJson(json: Json, path: string): boolean {
  if (typeof json !== 'boolean') throw wrong(path, 'true or false', json);
  return json;
}

export function textFromJson(json: Json, path: string): string {
  if (typeof json !== 'string') throw wrong(path, 'text', json);
  if (!json.isWellFormed()) throw new ProtoError(path, 'text with half a surrogate pair is no UTF-8');
  return json;
}

export function uint32FromJson(json: Json, path: string): number {
  if (typeof json === 'number' && json >>> 0 === json) return json;
  return Number(integerFromJson(json, 0n, 0xffff_ffffn, path));
}

export function int32FromJson(json: Json, path: string): number {
  if (typeof json === 'number' && (json | 0) === json) return json;
  return Number(integerFromJson(json, -0x8000_0000n, 0x7fff_ffffn, path));
}

export function uint64FromJson(json: Json, path: string): Integer64 {
  return halves(integerFromJson(json, 0n, 0xffff_ffff_ffff_ffffn, path), true);
}

export function int64FromJson(json: Json, path: string): Integer64 {
  return halves(integerFromJson(json, -(1n << 63n), (1n << 63n) - 1n, path), false);
}

/** 64-bit integers become decimal text, bytes base64; of the floats only NaN and the infinities become text. */
export function scalarToJson(type: ScalarType, value: unknown): Json {
  switch (typeof value) {
    case 'boolean':
    case 'string':
      return value;
    case 'number':
      if (IS_64_BIT.has(type)) return String(value);
      return Number.isFinite(value) ? value : String(value);
    case 'object':
      if (value instanceof Uint8Array) return bytesToJson(value);
      if (isInteger64(value)) return whole(value).toString();
  }
  throw new TypeError(`a decoded ${type} is ${typeof value}`);
}

const IS_64_BIT: ReadonlySet<ScalarType> = new Set<ScalarType>(['int64', 'uint64', 'sint64', 'fixed64', 'sfixed64']);

export function bytesToJson(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function bytesFromJson(json: Json, path: string): Uint8Array {
  if (typeof json !== 'string') throw wrong(path, 'base64 text', json);
  // Node's decoder skips what it doesn't know, so the alphabet is checked first.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(json)) throw new ProtoError(path, 'not base64');
  return Buffer.from(json, 'base64');
}

export function wrong(path: string, wanted: string, json: Json): ProtoError {
  const text = JSON.stringify(json);
  return new ProtoError(path, `expected ${wanted}, not ${text.length > 60 ? `${text.slice(0, 60)}...` : text}`);
}

/** The integer of two halves. */
export function whole(value: Integer64): bigint {
  const bits = (BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0);
  return value.unsigned ? bits : BigInt.asIntN(64, bits);
}

export function halves(value: bigint, unsigned: boolean): Integer64 {
  const bits = BigInt.asUintN(64, value);
  return { low: Number(bits & 0xffff_ffffn) | 0, high: Number(bits >> 32n) | 0, unsigned };
}

export function isInteger64(value: unknown): value is Integer64 {
  return typeof value === 'object' && value !== null && 'low' in value && 'high' in value && 'unsigned' in value;
}

function integerFromJson(json: Json, least: bigint, most: bigint, path: string): bigint {
  const readable =
    typeof json === 'number' ? Number.isSafeInteger(json) : typeof json === 'string' && /^-?\d{1,20}$/.test(json);
  if (!readable) throw wrong(path, 'a whole number', json);
  const value = BigInt(String(json));
  if (value < least || value > most) throw new ProtoError(path, `${value} is not between ${least} and ${most}`);
  return value;
}

export function floatFromJson(json: Json, path: string): number {
  if (typeof json === 'number') return json;
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json);
  throw wrong(path, 'a number', json);
}
