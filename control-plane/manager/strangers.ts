/**
 * Agents of clusters that the store doesn't know: it may have been lost. They get no goals and go on as they are, with
 * what they report kept for the person who decides.
 */
import type { InstanceReport } from '../model/instance.ts';
import type { AgentChannel } from './manager.ts';
import type { Heard } from './rebuild.ts';

interface Stranger {
  readonly channel: AgentChannel;
  report: InstanceReport | null;
}

export class Strangers {
  /** By cluster, then by instance. */
  readonly #clusters = new Map<string, Map<string, Stranger>>();

  /** Names of clusters, with those of their instances. */
  get names(): { readonly cluster: string; readonly instances: readonly string[] }[] {
    return Array.from(this.#clusters, ([cluster, known]) => ({ cluster, instances: [...known.keys()].sort() }));
  }

  add(channel: AgentChannel): void {
    const { cluster, instance } = channel.hello;
    const known = this.#clusters.get(cluster) ?? new Map<string, Stranger>();
    known.set(instance, { channel, report: null });
    this.#clusters.set(cluster, known);
  }

  /** False: this stream is none of theirs. */
  onReport(channel: AgentChannel, report: InstanceReport): boolean {
    const stranger = this.#clusters.get(channel.hello.cluster)?.get(report.instance);
    if (stranger?.channel !== channel) return false;
    stranger.report = report;
    return true;
  }

  onGone(channel: AgentChannel): void {
    const { cluster, instance } = channel.hello;
    const known = this.#clusters.get(cluster);
    if (known?.get(instance)?.channel === channel) known.delete(instance);
    if (known?.size === 0) this.#clusters.delete(cluster);
  }

  heard(cluster: string): Heard[] {
    return [...(this.#clusters.get(cluster)?.values() ?? [])].flatMap(({ channel, report }) =>
      report ? [{ report, placement: channel.hello.placement }] : [],
    );
  }

  /** Their cluster is known now: they are no strangers any more. */
  take(cluster: string): { readonly channel: AgentChannel; readonly report: InstanceReport | null }[] {
    const known = [...(this.#clusters.get(cluster)?.values() ?? [])];
    this.#clusters.delete(cluster);
    return known;
  }
}
