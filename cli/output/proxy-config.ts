/** What one Envoy was given, as tables: the few fields that a person looks for. Everything else is in YAML and JSON. */
import type { ProxyConfig, ProxyResource } from '../../control-plane/api/contract.ts';
import type { Colors } from './colors.ts';
import { stateText } from './proxies.ts';
import { formatTable } from './table.ts';

type Type = ProxyConfig['types'][number];

/** One table a type. */
export function proxyConfigTables({ id, types }: ProxyConfig, colors: Colors): string {
  const parts = types.filter(({ resources }) => resources.length > 0).map((type) => typeTable(type, colors));
  return parts.length === 0 ? `${id} has nothing of this` : parts.join('\n\n');
}

interface Row {
  /** The cells behind the name and the state. */
  readonly cells: readonly string[];
}

interface View {
  readonly name: string;
  readonly columns: readonly string[];
  /** The rows of one resource; none = it has nothing in it. */
  readonly rows: (config: unknown) => readonly Row[];
}

const VIEWS: Readonly<Record<string, View>> = {
  CDS: {
    name: 'CLUSTER',
    columns: ['TYPE', 'LB', 'HEALTH CHECK'],
    rows: (config) => [{ cells: clusterCells(config) }],
  },
  EDS: { name: 'CLUSTER', columns: ['ADDRESS', 'INSTANCE', 'WEIGHT', 'PRIORITY', 'HEALTH'], rows: endpointRows },
  LDS: {
    name: 'LISTENER',
    columns: ['ADDRESS', 'PORT', 'LEADS TO'],
    rows: (config) => [{ cells: listenerCells(config) }],
  },
  RDS: { name: 'ROUTES', columns: ['DOMAINS', 'LEADS TO'], rows: routeRows },
  SDS: { name: 'SECRET', columns: ['KIND'], rows: (config) => [{ cells: [secretKind(config)] }] },
};

const PLAIN: View = { name: 'RESOURCE', columns: [], rows: () => [{ cells: [] }] };

function typeTable({ shortName, resources }: Type, colors: Colors): string {
  const view = VIEWS[shortName] ?? PLAIN;
  const rows = resources.flatMap((resource) => resourceRows(resource, view, colors));
  const table = formatTable(
    [view.name, ...view.columns, 'STATE', 'VERSION'].map((title) => ({ title })),
    rows,
  );
  const refusals = resources.flatMap(({ name, refused }) =>
    refused ? [`${colors.red('!')} ${name}: version ${refused.version} was refused: ${refused.error}`] : [],
  );
  return [table, ...refusals].join('\n');
}

function resourceRows({ name, state, version, config }: ProxyResource, view: View, colors: Colors): string[][] {
  const found = config === null ? [] : view.rows(config);
  const rows = found.length === 0 ? [{ cells: view.columns.map(() => '-') }] : found;
  return rows.map(({ cells }) => [name, ...cells, stateText(state, colors), version === '' ? '-' : version]);
}

function clusterCells(config: unknown): string[] {
  const checks = list(config, 'health_checks').map((check) => {
    const http = at(check, 'http_health_check', 'path');
    return http === undefined ? 'yes' : `http ${text(http)} every ${text(at(check, 'interval'))}`;
  });
  return [
    text(at(config, 'type'), 'STATIC'),
    text(at(config, 'lb_policy'), 'ROUND_ROBIN'),
    checks.length === 0 ? '-' : checks.join(', '),
  ];
}

function endpointRows(config: unknown): Row[] {
  return list(config, 'endpoints').flatMap((locality) =>
    list(locality, 'lb_endpoints').map((endpoint) => ({
      cells: [
        address(at(endpoint, 'endpoint', 'address')).join(':'),
        text(at(endpoint, 'endpoint', 'hostname')),
        text(at(endpoint, 'load_balancing_weight'), '1'),
        text(at(locality, 'priority'), '0'),
        text(at(endpoint, 'health_status'), 'as checked'),
      ],
    })),
  );
}

function listenerCells(config: unknown): string[] {
  const [host, port] = address(at(config, 'address'));
  return [host, port ?? '-', targets(list(config, 'filter_chains'))];
}

function routeRows(config: unknown): Row[] {
  return list(config, 'virtual_hosts').map((host) => ({
    cells: [list(host, 'domains').map(String).join(', '), targets(list(host, 'routes'))],
  }));
}

const SECRET_KINDS = ['tls_certificate', 'validation_context', 'session_ticket_keys', 'generic_secret'];

function secretKind(config: unknown): string {
  return SECRET_KINDS.find((kind) => at(config, kind) !== undefined) ?? '-';
}

/** Every cluster that is named anywhere in it, and the route configurations that are fetched for it. */
function targets(node: unknown): string {
  const found = new Set<string>();
  const look = (part: unknown) => {
    if (Array.isArray(part)) for (const one of part) look(one);
    if (typeof part !== 'object' || part === null) return;
    for (const [name, value] of Object.entries(part)) {
      if (name === 'cluster' && typeof value === 'string') found.add(value);
      else if (name === 'weighted_clusters')
        for (const one of list(value, 'clusters')) found.add(text(at(one, 'name')));
      else if (name === 'route_config_name' && typeof value === 'string') found.add(`routes ${value}`);
      else look(value);
    }
  };
  look(node);
  return found.size === 0 ? '-' : [...found].join(', ');
}

/** Host and port, or the path of a unix socket. */
function address(node: unknown): [string, ...string[]] {
  const socket = at(node, 'socket_address');
  if (socket !== undefined) return [text(at(socket, 'address')), text(at(socket, 'port_value'))];
  return [text(at(node, 'pipe', 'path'))];
}

function at(node: unknown, ...path: readonly string[]): unknown {
  let found = node;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return undefined;
    found = Object.entries(found).find(([key]) => key === name)?.[1];
  }
  return found;
}

function list(node: unknown, name: string): readonly unknown[] {
  const found = at(node, name);
  return Array.isArray(found) ? found : [];
}

function text(value: unknown, absent = '-'): string {
  return value === undefined || value === '' ? absent : String(value);
}
