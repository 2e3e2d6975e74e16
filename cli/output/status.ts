/** Clusters and instances as tables. */
import type { ClusterStatus, ControlPlaneStatus, InstanceStatus } from '../../control-plane/api/contract.ts';
import type { Colors } from './colors.ts';
import { formatFields, formatTable } from './table.ts';
import { formatBytes } from './units.ts';

export interface StatusView {
  readonly controlPlane: ControlPlaneStatus;
  /** All that are alive; absent when it can't be told. */
  readonly controlPlanes?: readonly ControlPlaneStatus[] | undefined;
  readonly clusters: readonly ClusterStatus[];
  /** Clusters whose agents report and that the store does not know. */
  readonly strangers?: readonly { readonly cluster: string; readonly instances: readonly string[] }[];
}

/** All clusters, then all instances. */
export function statusTable(view: StatusView, colors: Colors): string {
  const head = controlPlaneLines(view, colors).join('\n');
  const strangers = strangerLines(view, colors);
  if (view.clusters.length === 0) return [head, '', 'no clusters', ...strangers].join('\n');
  const clusters = formatTable(
    ['CLUSTER', 'PHASE', 'EPOCH', 'PRIMARY', 'INSTANCES', 'RW', 'RO', 'ANY'].map((title) => ({
      title,
      align: title === 'EPOCH' ? 'right' : 'left',
    })),
    view.clusters.map((cluster) => [
      colors.bold(cluster.name),
      phaseCell(cluster, colors),
      String(cluster.epoch),
      cluster.primary ?? '-',
      readyCell(cluster.instances, colors),
      cluster.endpoints.rw,
      cluster.endpoints.ro,
      cluster.endpoints.any,
    ]),
  );
  const instances = instanceTable(
    view.clusters.flatMap((cluster) => cluster.instances),
    colors,
  );
  const warnings = [...strangers, ...view.clusters.flatMap((cluster) => conditionLines(cluster, colors))];
  return [head, '', clusters, '', instances, ...(warnings.length === 0 ? [] : ['', ...warnings])].join('\n');
}

function controlPlaneLines({ controlPlane, controlPlanes }: StatusView, colors: Colors): string[] {
  const where = ({ pid, api, xds }: ControlPlaneStatus) => `pid ${pid}, api ${api}, xds ${xds}`;
  if (!controlPlanes) {
    const unknown = `${colors.yellow('!')} the store does not answer: nobody decides until it does`;
    return [`control plane  ${controlPlane.name}, ${where(controlPlane)}`, unknown];
  }
  if (controlPlanes.length === 1) return [`control plane  ${where(controlPlane)}`];
  const rows = controlPlanes.map((one) => [one.name, one.leads ? colors.green('leads') : 'ready', where(one)]);
  const table = formatTable([{ title: 'CONTROL PLANE' }, { title: 'STATE' }, { title: 'WHERE' }], rows);
  if (controlPlanes.some(({ leads }) => leads)) return [table];
  return [table, `${colors.yellow('!')} no control plane leads: nothing is decided until one does`];
}

export function instanceTable(instances: readonly InstanceStatus[], colors: Colors): string {
  return formatTable(
    [
      { title: 'INSTANCE' },
      { title: 'ROLE' },
      { title: 'STATE' },
      { title: 'TIMELINE', align: 'right' },
      { title: 'LSN', align: 'right' },
      { title: 'LAG', align: 'right' },
      { title: 'AGENT', align: 'right' },
      { title: 'POSTGRES', align: 'right' },
      { title: 'ENVOY', align: 'right' },
    ],
    instances.map((instance) => [
      instance.name,
      roleCell(instance, colors),
      stateCell(instance, colors),
      instance.timeline === 0 ? '-' : String(instance.timeline),
      instance.timeline === 0 ? '-' : instance.lsn,
      instance.lagBytes === null ? '-' : formatBytes(instance.lagBytes),
      pidCell(instance.pids.agent),
      pidCell(instance.pids.postgres),
      pidCell(instance.pids.envoy),
    ]),
  );
}

/** Everything about one cluster. */
export function clusterDescription(cluster: ClusterStatus, colors: Colors): string {
  const { sync } = cluster;
  const fields = formatFields([
    ['Cluster', colors.bold(cluster.name)],
    ['Epoch', String(cluster.epoch)],
    ['Phase', phaseCell(cluster, colors)],
    ['Primary', cluster.primary ?? 'none'],
    ['Reason', cluster.reason],
    ['Durability', cluster.durability],
    ['Commits wait for', sync.k === 0 ? 'no standby' : `${sync.k} of ${sync.voters.join(', ')}`],
    ['Promises needed', `${sync.promiseQuorum} before another primary`],
    ['Writes (rw)', cluster.endpoints.rw],
    ['Reads (ro)', cluster.endpoints.ro],
    ['Either (any)', cluster.endpoints.any],
  ]);
  const goals = formatTable(
    [{ title: 'INSTANCE' }, { title: 'GOAL' }, { title: 'PROGRESS' }, { title: 'SOCKET' }],
    cluster.instances.map(({ name, goal, socket }) => [
      name,
      goal?.id ?? '-',
      goal === null ? '-' : `${goal.status}${goal.detail === '' ? '' : `: ${goal.detail}`}`,
      socket === '' ? '-' : socket,
    ]),
  );
  const conditions = formatTable(
    [{ title: 'CONDITION' }, { title: 'STATUS' }, { title: 'MESSAGE' }],
    cluster.conditions.map(({ type, status, message }) => [type, status, message]),
  );
  const parts = [fields, instanceTable(cluster.instances, colors), goals];
  return [...parts, ...(cluster.conditions.length === 0 ? [] : [conditions])].join('\n\n');
}

function phaseCell(cluster: ClusterStatus, colors: Colors): string {
  const paused = cluster.operations.paused ? colors.yellow(', paused') : '';
  return `${phaseText(cluster, colors)}${paused}`;
}

function phaseText(cluster: ClusterStatus, colors: Colors): string {
  if (cluster.phase !== 'active') return colors.yellow(cluster.phase);
  return cluster.gate === 'open' ? colors.green('active') : colors.yellow('active, rw closed');
}

function roleCell(instance: InstanceStatus, colors: Colors): string {
  switch (instance.role) {
    case 'primary':
      return colors.green('* primary');
    case 'standby':
      return '  standby';
    case 'none':
      return colors.dim('  -');
  }
}

function stateCell(instance: InstanceStatus, colors: Colors): string {
  if (instance.fenced) return colors.yellow(instance.state === 'running' ? 'running, to be fenced' : 'fenced');
  if (instance.leaving) return colors.yellow(`${instance.state}, leaving`);
  switch (instance.state) {
    case 'running':
      return instance.connected ? 'running' : colors.yellow('running, no agent');
    case 'crashed':
    case 'unreachable':
      return colors.red(instance.state);
    default:
      return colors.yellow(instance.state);
  }
}

function readyCell(instances: readonly InstanceStatus[], colors: Colors): string {
  const running = instances.filter((instance) => instance.state === 'running' && instance.connected).length;
  const text = `${running}/${instances.length}`;
  return running === instances.length ? text : colors.yellow(text);
}

function pidCell(pid: number): string {
  return pid === 0 ? '-' : String(pid);
}

function strangerLines({ strangers = [] }: StatusView, colors: Colors): string[] {
  return strangers.map(
    ({ cluster, instances }) =>
      `${colors.yellow('!')} ${cluster}: ${instances.join(', ')} report, and the store does not know the cluster; they go on as they are. If the store was lost: howdah rebuild -f FILE`,
  );
}

/** Conditions are all worded so that True is well. */
function conditionLines(cluster: ClusterStatus, colors: Colors): string[] {
  return cluster.conditions
    .filter(({ status }) => status === 'False')
    .map(({ type, message }) => `${colors.yellow('!')} ${cluster.name}: ${type}: ${message}`);
}
