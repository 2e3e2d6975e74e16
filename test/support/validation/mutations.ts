/** One change of a resource at a time: most break it, some do not. The same seed makes the same changes. */
import type { Json, JsonObject } from '../../../proto/json.ts';
import type { Sample } from './parts.ts';

export interface Mutant {
  readonly sample: Sample;
  /** What was changed, in words: `$.connect_timeout: "1s" -> "0s"` */
  readonly change: string;
  readonly resource: JsonObject;
}

/** A place in a resource, and what is there. */
interface Place {
  readonly steps: readonly (string | number)[];
  readonly value: Json;
}

const NUMBERS: readonly Json[] = [0, 1, -1, 2, 101, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, 1.5];
const TEXTS: readonly Json[] = ['', 'x y', 'a\nb', 'é', 'x'.repeat(300), '*', 5];
const DURATIONS: readonly Json[] = [
  '0s',
  '-1s',
  '0.000000001s',
  '0.001s',
  '3601s',
  '315576000001s',
  '1',
  '1.0000000001s',
];
const ENUM = /^[A-Z][A-Z0-9_]+$|^TLSv1_\d$/;

/** What may stand in place of a value; `undefined` = the field is dropped. */
function replacements(value: Json, inList: boolean): (Json | undefined)[] {
  const dropped = inList ? [] : [undefined];
  if (typeof value === 'number') return [...dropped, ...NUMBERS];
  if (typeof value === 'boolean') return [...dropped, !value, 'yes'];
  if (typeof value === 'string') {
    if (/^\d+(\.\d+)?s$/.test(value)) return [...dropped, ...DURATIONS];
    if (value.startsWith('type.googleapis.com/')) return ['type.googleapis.com/no.such.Type', ''];
    return ENUM.test(value) ? [...dropped, 'NO_SUCH_VALUE', ''] : [...dropped, ...TEXTS];
  }
  if (isList(value)) return [...dropped, [], [...value, ...value.slice(0, 1)], {}];
  return [...dropped, {}, [], { ...value, no_such_field: 1 }];
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

function places(json: Json, steps: readonly (string | number)[] = []): Place[] {
  const here = steps.length === 0 ? [] : [{ steps, value: json }];
  if (isList(json)) return [...here, ...json.flatMap((item, index) => places(item, [...steps, index]))];
  if (typeof json !== 'object' || json === null) return here;
  return [
    ...here,
    ...Object.entries(json).flatMap(([name, value]) => (value === undefined ? [] : places(value, [...steps, name]))),
  ];
}

/** The resource with another value at one place. */
function replaced(
  json: Json,
  [step, ...rest]: readonly (string | number)[],
  value: Json | undefined,
): Json | undefined {
  if (step === undefined) return value;
  if (isList(json)) {
    return json.map((item, index) => (index === step ? (replaced(item, rest, value) ?? null) : item));
  }
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([name, inner]) => [
      name,
      name === step && inner !== undefined ? replaced(inner, rest, value) : inner,
    ]),
  );
}

/** @param perSample how many changes of each, at most */
export function mutants(samples: readonly Sample[], perSample: number, seed: number): Mutant[] {
  const random = randomOf(seed);
  return samples.flatMap((sample) => {
    const all = places(sample.resource).flatMap((place) =>
      replacements(place.value, typeof place.steps.at(-1) === 'number').map((value) => ({ ...place, with: value })),
    );
    return shuffled(all, random)
      .slice(0, perSample)
      .map((change) => mutant(sample, change));
  });
}

function mutant(sample: Sample, change: Place & { readonly with: Json | undefined }): Mutant {
  const path = change.steps.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  const after = change.with === undefined ? 'dropped' : shown(change.with);
  const resource = replaced(sample.resource, change.steps, change.with);
  if (typeof resource !== 'object' || resource === null || isList(resource)) throw new Error('a resource is an object');
  return { sample, change: `$${path}: ${shown(change.value)} -> ${after}`, resource };
}

function shown(json: Json): string {
  const text = JSON.stringify(json);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Numbers from 0 up to 1, evenly: mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const result = [...items];
  for (let index = result.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1));
    [result[index], result[other]] = [result[other]!, result[index]!];
  }
  return result;
}
