/** Whether a value is of its field's type at all: the same that the encoder refuses, but all of it and not the first. */
import { type Json, ProtoError } from '../json.ts';
import { scalarFromJson, wrong } from '../scalar.ts';
import type { EnumShape, ScalarType } from '../shape.ts';
import { WELL_KNOWN_TYPES } from '../well-known.ts';
import { type Check, NONE, type Problem } from './check.ts';

/** What nearly all values are, told without the conversion that would throw. */
const USUAL: Readonly<Record<string, (json: Json) => boolean>> = {
  bool: (json) => typeof json === 'boolean',
  double: (json) => typeof json === 'number',
  float: (json) => typeof json === 'number',
  int32: (json) => typeof json === 'number' && (json | 0) === json,
  uint32: (json) => typeof json === 'number' && json >>> 0 === json,
  string: (json) => typeof json === 'string' && json.isWellFormed(),
};

export function scalarTypeCheck(type: ScalarType): Check {
  const usual = USUAL[type] ?? (() => false);
  return (json) => (usual(json) ? NONE : thrownBy(() => scalarFromJson(type, json, '')));
}

/** Undefined for a type that has no JSON form of its own. */
export function wellKnownTypeCheck(typeName: string): Check | undefined {
  const type = WELL_KNOWN_TYPES.get(typeName);
  return type && ((json) => thrownBy(() => type.fromJson(json, '')));
}

export function enumTypeCheck(type: EnumShape): Check {
  return (json) =>
    typeof json === 'string' && type.numbers.has(json)
      ? NONE
      : problemsOf(wrong('', `one of ${[...type.numbers.keys()].join(', ')}`, json));
}

function thrownBy(convert: () => void): readonly Problem[] {
  try {
    convert();
    return NONE;
  } catch (error) {
    if (error instanceof ProtoError) return problemsOf(error);
    throw error;
  }
}

export function problemsOf({ path, detail }: ProtoError): readonly Problem[] {
  return [{ path, message: detail }];
}
