/**
 * The golden files in envoy-config/testdata/: NAME.in.yaml is an IR (or a bootstrap's options), NAME.out.yaml what becomes of it.
 * Fields that all resources of one sort have in common are told once, in shared.yaml, and left out of the others; that
 * loses nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { Document, isMap, parse, visit } from 'yaml';
import { type BootstrapOptions, bootstrap } from '../../envoy-config/bootstrap.ts';
import type { ProxyIr } from '../../envoy-config/ir.ts';
import { type ProxyResources, translate } from '../../envoy-config/translate.ts';
import type { JsonObject } from '../../proto/json.ts';

export const GOLDEN_DIRECTORY = new URL('../../envoy-config/testdata/', import.meta.url);

export interface Golden<Output> {
  readonly name: string;
  readonly output: Output;
}

export interface Goldens {
  readonly proxies: readonly Golden<ProxyResources>[];
  readonly bootstraps: readonly Golden<JsonObject>[];
}

/** What the code makes now of every input. */
export function translateGoldens(): Goldens {
  const names = readdirSync(GOLDEN_DIRECTORY)
    .filter((file) => file.endsWith('.in.yaml'))
    .map((file) => file.slice(0, -'.in.yaml'.length))
    .toSorted();
  const input = (name: string) => parse(readFileSync(new URL(`${name}.in.yaml`, GOLDEN_DIRECTORY), 'utf8'));
  const isBootstrap = (name: string) => name.startsWith('bootstrap-');
  return {
    proxies: names
      .filter((name) => !isBootstrap(name))
      .map((name) => ({ name, output: translate(input(name) as ProxyIr) })),
    bootstraps: names.filter(isBootstrap).map((name) => ({ name, output: bootstrap(input(name) as BootstrapOptions) })),
  };
}

/** The files that should be there, by name. */
export function goldenFiles({ proxies, bootstraps }: Goldens): Map<string, string> {
  const all = proxies.flatMap(({ output }) => [...output.clusters, ...output.listeners]);
  const shared = new Map([...Map.groupBy(all, sortOf)].map(([sort, resources]) => [sort, common(resources)]));
  const prune = (resource: JsonObject) => without(resource, shared.get(sortOf(resource)) ?? {});
  return new Map([
    ['shared.yaml', toYaml(Object.fromEntries(shared))],
    ...bootstraps.map(({ name, output }) => [`${name}.out.yaml`, toYaml(output)] as const),
    ...proxies.map(({ name, output }) => {
      const pruned = { ...output, clusters: output.clusters.map(prune), listeners: output.listeners.map(prune) };
      return [`${name}.out.yaml`, toYaml(pruned)] as const;
    }),
  ]);
}

function sortOf(resource: JsonObject): string {
  return typeof resource.type === 'string' ? `clusters of type ${resource.type}` : 'listeners';
}

/** What tells one resource from another, and a sort from another, is never left out. */
const IDENTITY: readonly string[] = ['name', 'type'];

/** The fields that all of them have with the same value. */
function common(resources: readonly JsonObject[]): JsonObject {
  const [first = {}, ...others] = resources;
  return Object.fromEntries(
    Object.entries(first).filter(
      ([field, value]) => !IDENTITY.includes(field) && others.every((other) => isDeepStrictEqual(other[field], value)),
    ),
  );
}

function without(resource: JsonObject, shared: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(resource).filter(([field]) => !(field in shared)));
}

/** Maps that fit are written on one line. */
function toYaml(value: object): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Map(_, node) {
      const short = JSON.stringify(node.toJSON()).length <= 100;
      const nested = node.items.some(({ value: item }) => isMap(item) && item.items.length > 2);
      if (short && !nested) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 120 });
}
