/** The part of the demo's screen that is redrawn in place: instances, rates, timelines. Pure. */
import type { ClusterStatus, InstanceStatus } from '../../control-plane/api/contract.ts';
import type { Colors } from '../output/colors.ts';
import { formatTable } from '../output/table.ts';
import { formatBytes } from '../output/units.ts';
import type { Bucket } from './answers.ts';
import { BAR_LEGEND, timeline } from './timeline.ts';

export interface PanelView {
  /** Undefined while the control plane doesn't answer. */
  readonly cluster: ClusterStatus | undefined;
  /** Null before the load began. */
  readonly load: LoadView | null;
  /** Columns of the terminal. */
  readonly width: number;
}

export interface LoadView {
  readonly writes: Flow;
  readonly reads: Flow;
}

/** Writes or reads. */
export interface Flow {
  readonly perSecond: number;
  readonly total: number;
  /** Null: before there was any load. */
  readonly buckets: readonly (Bucket | null)[];
}

export const BUCKET_MS = 100;
/** What stands before a timeline. */
const FLOW_COLUMNS = 31;
const MAX_BUCKETS = 80;

/** How many buckets fit; 0 = no timeline. */
export function bucketCount(width: number): number {
  return Math.max(0, Math.min(MAX_BUCKETS, width - FLOW_COLUMNS - 1));
}

export function panel({ cluster, load, width }: PanelView, colors: Colors): string[] {
  const rule = colors.dim('─'.repeat(Math.min(width - 1, FLOW_COLUMNS + MAX_BUCKETS)));
  const silent = load === null ? colors.dim('starting') : colors.yellow('the control plane does not answer');
  const instances = cluster === undefined ? [silent] : clusterLines(cluster, colors);
  return [rule, ...instances, ...(load ? loadLines(load, width, colors) : [])];
}

function clusterLines(cluster: ClusterStatus, colors: Colors): string[] {
  const rows = cluster.instances.map((instance) => instanceRow(instance, cluster, colors));
  const columns = ['', '', '', '', ''].map((title) => ({ title }));
  // Columns need no titles here: the first line of the table is left out.
  const table = formatTable(columns, rows).split('\n').slice(1);
  return [...table, colors.dim(`epoch ${cluster.epoch}: ${cluster.reason}`)];
}

function instanceRow(instance: InstanceStatus, cluster: ClusterStatus, colors: Colors): string[] {
  const leads = instance.role === 'primary' && instance.name === cluster.primary;
  const healthy = instance.state === 'running' && instance.connected;
  const role = leads ? colors.green('● primary') : instance.role === 'none' ? colors.dim('○ -') : `○ ${instance.role}`;
  return [
    ` ${colors.bold(instance.name)}`,
    role,
    healthy ? instance.state : colors.red(instance.connected ? instance.state : 'no agent'),
    instance.timeline === 0 ? '' : `timeline ${instance.timeline}, WAL ${instance.lsn}`,
    instance.role === 'standby' && instance.lagBytes !== null ? `${formatBytes(instance.lagBytes)} behind` : '',
  ];
}

function loadLines({ writes, reads }: LoadView, width: number, colors: Colors): string[] {
  const line = (name: string, flow: Flow) =>
    ` ${name.padEnd(7)}${`${Math.round(flow.perSecond)}/s`.padStart(7)}${flow.total.toLocaleString('en').padStart(13)}   ${timeline(flow.buckets, colors)}`;
  const legend = `each column ${BUCKET_MS} ms, its slowest answer: ${BAR_LEGEND}`;
  const indent = width > FLOW_COLUMNS + legend.length ? FLOW_COLUMNS : 1;
  return [line('writes', writes), line('reads', reads), colors.dim(`${' '.repeat(indent)}${legend}`)];
}
