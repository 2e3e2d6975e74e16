/**
 * Message types from .proto files, loaded when first asked for: Howdah's own, and those of Envoy with what they import.
 * The only file that touches protobufjs. A type lies in the directory that its package names, so nothing is listed here
 * and a process pays only for the types that it uses.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import { isObject, type Json, type JsonObject, ProtoError } from './json.ts';
import type { EnumShape, FieldShape, MessageShape, PlainMessage, ScalarType, ValueShape } from './shape.ts';
import { ANY, WELL_KNOWN_TYPES } from './well-known.ts';

/** Directories that imports in .proto files are relative to. Envoy's come from the package that ships them. */
const includeDirectories = (() => {
  const require = createRequire(import.meta.url);
  const envoy = join(dirname(require.resolve('@grpc/grpc-js-xds/package.json')), 'deps');
  const packages = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => join(envoy, name));
  return [ownDirectory(), ...packages, dirname(require.resolve('protobufjs/package.json'))];
})();

/** `proto` of the package root: this module runs from the source tree and, compiled, from `dist`. */
function ownDirectory(): string {
  let directory = import.meta.dirname;
  while (!existsSync(join(directory, 'package.json'))) {
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`no package.json above ${import.meta.dirname}`);
    directory = parent;
  }
  return join(directory, 'proto');
}

/** Files that protobufjs carries within itself. */
const WELL_KNOWN = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'].map(
  (name) => `google/protobuf/${name}.proto`,
);

const root = new protobuf.Root();
root.resolvePath = (_origin, target) => (WELL_KNOWN.includes(target) ? target : find(target));

function find(path: string): string | null {
  const directory = includeDirectories.find((candidate) => existsSync(join(candidate, path)));
  return directory === undefined ? null : join(directory, path);
}

/**
 * Loads the file that declares `typeName`: one of those in its package's directory.
 * Lower-case segments are the package, the first upper-case one is the outermost type.
 */
function loadFileOf(typeName: string): void {
  const segments = typeName.split('.');
  const depth = segments.findIndex((segment) => /^[A-Z]/.test(segment));
  if (depth < 1 || !segments.every((segment) => /^\w+$/.test(segment))) return;
  const packagePath = segments.slice(0, depth).join('/');
  if (packagePath === 'google/protobuf') {
    root.loadSync(WELL_KNOWN, { keepCase: true });
    return;
  }
  const directory = find(packagePath);
  if (directory === null) return;
  const declaration = new RegExp(`^(message|enum|service) ${segments[depth]}\\b`, 'm');
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith('.proto') || !declaration.test(readFileSync(join(directory, name), 'utf8'))) continue;
    root.loadSync(`${packagePath}/${name}`, { keepCase: true });
    return;
  }
}

const messages = new Map<string, MessageShape>();

/** The message type of that full name; undefined when no .proto file declares it. */
export function findMessage(typeName: string): MessageShape | undefined {
  const known = messages.get(typeName);
  if (known) return known;
  const type = reflect(typeName);
  return type instanceof protobuf.Type ? shapeOf(type) : undefined;
}

/** @throws ProtoError when no .proto file declares it. */
export function messageOf(typeName: string): MessageShape {
  const shape = findMessage(typeName);
  if (!shape) throw new ProtoError('$', `no message type is named ${typeName}`);
  return shape;
}

/** @throws ProtoError when there is no such service or method. */
export function methodOf(serviceName: string, methodName: string): { requestStream: boolean; responseStream: boolean } {
  const service = reflect(serviceName);
  const method = service instanceof protobuf.Service ? service.methods[methodName] : undefined;
  if (!method) throw new ProtoError('$', `no service ${serviceName} has a method ${methodName}`);
  return { requestStream: method.requestStream === true, responseStream: method.responseStream === true };
}

function reflect(name: string): protobuf.ReflectionObject | null {
  const path = name.split('.');
  const loaded = root.lookup(path);
  if (loaded) return loaded;
  loadFileOf(name);
  return root.lookup(path);
}

/** By type: protobufjs puts the full name together each time that it is asked for it. */
const shapes = new Map<protobuf.Type, MessageShape>();

function shapeOf(type: protobuf.Type): MessageShape {
  const known = shapes.get(type);
  if (known) return known;
  const name = type.fullName.slice(1);
  const fields = type.fieldsArray.toSorted((a, b) => a.id - b.id).map((field) => fieldShape(field.resolve()));
  const shape: MessageShape = {
    name,
    form: name === ANY ? 'any' : WELL_KNOWN_TYPES.has(name) ? 'own' : 'fields',
    fields: new Map(fields.map((field) => [field.name, field])),
    requiredOneofs: type.oneofsArray
      .filter((oneof) => oneof.options?.['(validate.required)'] === true)
      .map((oneof) => oneof.fieldsArray.map((field) => field.name)),
    hasNoRules: type.options?.['(validate.disabled)'] === true || type.options?.['(validate.ignored)'] === true,
    toBytes: (message) => type.encode(message).finish(),
    fromBytes: (bytes) => ({ ...type.decode(bytes) }) satisfies PlainMessage,
  };
  shapes.set(type, shape);
  messages.set(name, shape);
  return shape;
}

function fieldShape(field: protobuf.Field): FieldShape {
  // `optional` in proto3 makes a oneof of one member, which is no choice.
  const oneof = field.partOf && field.partOf.fieldsArray.length > 1 ? field.partOf.name : '';
  return {
    name: field.name,
    id: field.id,
    packed: field.repeated && field.packed && isPackable(field),
    rule: field.map ? 'map' : field.repeated ? 'repeated' : 'single',
    value: valueShape(field),
    keyType: field instanceof protobuf.MapField ? scalarType(field.keyType) : undefined,
    oneof,
    presence: field.partOf ? 'oneof' : hasPresence(field) ? 'explicit' : 'none',
    sensitive: field.options?.['(udpa.annotations.sensitive)'] === true,
    rules: validationRules(field),
  };
}

function isPackable({ type, resolvedType }: protobuf.Field): boolean {
  return resolvedType ? resolvedType instanceof protobuf.Enum : type !== 'string' && type !== 'bytes';
}

function hasPresence(field: protobuf.Field): boolean {
  return field.hasPresence || (!field.repeated && !field.map && field.resolvedType instanceof protobuf.Type);
}

/** The option is an object however it was written: protobufjs merges `(validate.rules).string.min_len = 1` into one. */
function validationRules(field: protobuf.Field): JsonObject | undefined {
  const options: readonly Record<string, Json>[] = field.parsedOptions ?? [];
  return options.map((option) => option['(validate.rules)']).find(isObject);
}

function valueShape(field: protobuf.Field): ValueShape {
  const type = field.resolvedType;
  if (type instanceof protobuf.Enum) return { kind: 'enum', type: enumShape(type) };
  if (type instanceof protobuf.Type) {
    let shape: MessageShape | undefined;
    return { kind: 'message', type: () => (shape ??= shapeOf(type)) };
  }
  return { kind: 'scalar', type: scalarType(field.type) };
}

function enumShape(type: protobuf.Enum): EnumShape {
  const numbers = new Map(Object.entries(type.values));
  const names = new Map(Object.entries(type.valuesById).map(([number, name]) => [Number(number), name]));
  return { name: type.fullName.slice(1), numbers, names };
}

const SCALARS: ReadonlySet<string> = new Set<ScalarType>([
  'double',
  'float',
  'int32',
  'uint32',
  'sint32',
  'fixed32',
  'sfixed32',
  'int64',
  'uint64',
  'sint64',
  'fixed64',
  'sfixed64',
  'bool',
  'string',
  'bytes',
]);

function isScalar(type: string): type is ScalarType {
  return SCALARS.has(type);
}

function scalarType(type: string): ScalarType {
  if (!isScalar(type)) throw new Error(`unresolved type ${type} in a .proto file`);
  return type;
}
