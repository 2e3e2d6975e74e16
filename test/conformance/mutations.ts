/** Requests that a proxy could send, and what a broken or a hostile one would make of their bytes. All by seed. */
import { encode } from '../../proto/encode.ts';
import type { JsonObject } from '../../proto/json.ts';
import type { Random } from '../simulation/kernel.ts';
import { KINDS, type Kind } from './types.ts';

const NAMES = [
  'a',
  'b',
  'c',
  'd',
  '*',
  'nowhere',
  '',
  '__proto__',
  'constructor',
  'äöü',
  'xdstp://x/y',
  'a'.repeat(300),
];

/** What a stream was told, which its requests may answer. */
export interface Seen {
  readonly kind: Kind;
  readonly nonce: string;
  readonly version: string;
}

function someNames(random: Random): string[] {
  const count = random.chance(0.3) ? 0 : Math.floor(random.between(1, 6));
  return Array.from({ length: count }, () => random.pick(NAMES));
}

/** A request of the right form: an answer, a change of names, or nonsense in the right fields. */
export function makeRequest(random: Random, delta: boolean, kinds: readonly Kind[], seen: readonly Seen[]): JsonObject {
  const last = seen.length > 0 && random.chance(0.8) ? random.pick(seen.slice(-4)) : undefined;
  const kind = last && random.chance(0.95) ? last.kind : random.pick(kinds);
  const nonce = random.chance(0.9) ? (last?.nonce ?? '') : random.pick(['', '0', '1', '999999999', 'x', '-1']);
  const version = random.chance(0.8) ? (last?.version ?? '') : random.pick(['', 'x', '0']);
  const error = random.chance(0.15)
    ? { error_detail: { code: 13, message: random.pick(['', 'a: no', 'no', 'a b c']) } }
    : {};
  const names = delta
    ? {
        resource_names_subscribe: someNames(random),
        resource_names_unsubscribe: random.chance(0.4) ? someNames(random) : [],
        initial_resource_versions: random.chance(0.1) ? { a: version, nowhere: 'x' } : {},
      }
    : { resource_names: someNames(random), version_info: version };
  const type_url = random.chance(0.98) ? kind.url : random.pick(['', 'x', 'type.googleapis.com/x.Y', RESOURCE_WRAPPER]);
  const node = random.chance(0.1) ? { node: { id: random.pick(['fuzz/0', 'other', '']) } } : {};
  return { type_url, response_nonce: nonce, ...names, ...error, ...node };
}

const RESOURCE_WRAPPER = 'type.googleapis.com/envoy.service.discovery.v3.Resource';

export function requestBytes(request: JsonObject, delta: boolean): Buffer {
  const type = delta ? 'DeltaDiscoveryRequest' : 'DiscoveryRequest';
  return Buffer.from(encode(`envoy.service.discovery.v3.${type}`, request));
}

type Mutation = (bytes: Buffer, random: Random) => Buffer;

const at = (bytes: Buffer, random: Random): number => Math.floor(random.next() * (bytes.length + 1));

function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => Math.floor(random.next() * 256)));
}

function insert(bytes: Buffer, index: number, more: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, index), more, bytes.subarray(index)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** A field with a length and that much content. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);
}

/** A field within itself, and so on: what reads it by recursion runs out of stack. */
function nested(path: readonly number[], depth: number): Buffer {
  let content: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) content = field(path[level % path.length]!, content);
  return content;
}

/** An Any in an Any, and so on; google.protobuf.Any has the URL in 1 and the bytes in 2. */
function nestedAny(depth: number): Buffer {
  const url = field(1, Buffer.from('type.googleapis.com/google.protobuf.Any'));
  let content: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) content = Buffer.concat([url, field(2, content)]);
  return content;
}

/** Built once: each level is a copy of those within. */
const DEPTHS = [1, 3, 10, 30, 60, 99, 101, 300, 1000, 2500];
// A Struct has fields 1, a map entry the value in 2, a Value a Struct in 5.
const deepStructs = DEPTHS.map((depth) => nested([5, 2, 1], 3 * depth));
const deepAnys = DEPTHS.map(nestedAny);
const deepGroups = DEPTHS.map((depth) => Buffer.concat(Array.from({ length: 4 * depth }, () => varint(99 * 8 + 3))));
const manyNames = [10, 100, 2000].map((count) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => field(3, Buffer.from(`n${index}`)))),
);

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'a bit flipped': (bytes, random) => {
    if (bytes.length === 0) return bytes;
    const copy = Buffer.from(bytes);
    const index = Math.floor(random.next() * copy.length);
    copy[index] = copy[index]! ^ (1 << Math.floor(random.next() * 8));
    return copy;
  },
  'cut off': (bytes, random) => bytes.subarray(0, at(bytes, random)),
  'noise inside': (bytes, random) => insert(bytes, at(bytes, random), noise(random, Math.floor(random.between(1, 32)))),
  'a part twice': (bytes, random) => {
    const from = at(bytes, random);
    return insert(bytes, at(bytes, random), bytes.subarray(from, from + Math.floor(random.between(1, 64))));
  },
  'a part missing': (bytes, random) => {
    const from = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + Math.floor(random.between(1, 16)))]);
  },
  'the whole twice': (bytes) => Buffer.concat([bytes, bytes]),
  'nothing at all': () => Buffer.alloc(0),
  'only noise': (_, random) => noise(random, Math.floor(random.between(1, 200))),
  'a field that nobody knows': (bytes, random) =>
    Buffer.concat([
      bytes,
      field(Math.floor(10 ** random.between(0, 8)), noise(random, Math.floor(random.between(0, 40)))),
    ]),
  'a field of another wire type': (bytes, random) =>
    Buffer.concat([
      bytes,
      varint(Math.floor(random.between(0, 10)) * 8 + Math.floor(random.between(0, 8))),
      noise(random, 9),
    ]),
  'a field again': (bytes, random) =>
    Buffer.concat([bytes, field(Math.floor(random.between(1, 8)), Buffer.from(random.pick(NAMES)))]),
  'no UTF-8': (bytes, random) =>
    Buffer.concat([
      bytes,
      field(Math.floor(random.between(1, 8)), Buffer.from([0x61, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0xff])),
    ]),
  'a huge name': (bytes, random) =>
    Buffer.concat([bytes, field(3, Buffer.alloc(Math.floor(10 ** random.between(3, 5)), 'n'))]),
  'many names': (bytes, random) => Buffer.concat([bytes, random.pick(manyNames)]),
  'a length beyond the end': (bytes, random) =>
    Buffer.concat([
      bytes,
      varint(Math.floor(random.between(1, 8)) * 8 + 2),
      varint(Math.floor(10 ** random.between(1, 12))),
    ]),
  // Node is field 1 or 2, its metadata 3.
  'a deep node': (bytes, random) => {
    const node = Buffer.concat([field(1, Buffer.from('deep')), field(3, random.pick(deepStructs))]);
    return Buffer.concat([bytes, field(random.pick([1, 2]), node)]);
  },
  // error_detail is field 6 or 7, and its details 3.
  'a deep error': (bytes, random) =>
    Buffer.concat([bytes, field(random.pick([6, 7]), field(3, random.pick(deepAnys)))]),
  'deep groups': (bytes, random) => Buffer.concat([bytes, random.pick(deepGroups)]),
};

const ALL = Object.values(MUTATIONS);

/** One mutation, sometimes several over each other. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes;
  do mutated = random.pick(ALL)(mutated, random);
  while (random.chance(0.25));
  return mutated;
}

/** Kinds, of which the first are asked for most. */
export const FUZZED_KINDS: readonly Kind[] = [...KINDS.slice(0, 3), ...KINDS];
