/** One control plane in virtual time: the production Manager and Publisher, which can be killed, frozen and replaced. */
import type { Knock } from '../../control-plane/manager/knock.ts';
import { type AgentChannel, Manager } from '../../control-plane/manager/manager.ts';
import type { ClusterRecord } from '../../control-plane/model/cluster-record.ts';
import type { InstanceReport } from '../../control-plane/model/instance.ts';
import { Publisher } from '../../control-plane/routing/publisher.ts';
import type { Logger } from '../../control-plane/runtime/logger.ts';
import { ALONE } from '../../control-plane/store/leadership.ts';
import type { ProxyIr } from '../../envoy-config/ir.ts';
import type { ControlEnd } from './connection.ts';
import { Freezer } from './freezer.ts';
import type { Kernel } from './kernel.ts';
import { type ProcessClock, processClock } from './process-clock.ts';
import type { StoreModel } from './store-model.ts';

export interface ControlPlaneOptions {
  readonly kernel: Kernel;
  readonly store: StoreModel;
  readonly log: Logger;
  readonly onPublished: (ir: ProxyIr) => void;
  /** It asks the store for this. */
  readonly onPut: (record: ClusterRecord) => void;
  readonly knock: Knock;
}

export class ControlPlaneModel implements ControlEnd {
  readonly manager: Manager;
  readonly publisher: Publisher<ProxyIr>;
  readonly freezer: Freezer;
  readonly clock: ProcessClock;
  readonly published = new Map<string, ProxyIr>();
  alive = true;
  /** It read the store and takes agents. */
  ready = false;
  /** Another one leads, and it says so itself. */
  knowsItsEnd = false;
  readonly #kernel: Kernel;

  constructor({ kernel, store, log, onPublished, onPut, knock }: ControlPlaneOptions) {
    this.#kernel = kernel;
    this.freezer = new Freezer(kernel);
    this.clock = processClock(kernel, this.freezer, (action) => {
      kernel.touch();
      if (this.alive) action();
    });
    this.publisher = new Publisher<ProxyIr>({
      make: (ir) => ir,
      publish: (node, made) => {
        const ir = { ...made, node };
        this.published.set(node, ir);
        if (this.alive) onPublished(ir);
      },
      onInvalid(_node, error) {
        throw error;
      },
      later: (action) => action(),
    });
    this.manager = new Manager({
      store: store.handle(this, onPut),
      leadership: { term: () => (this.knowsItsEnd ? null : ALONE.term()) },
      clock: this.clock,
      random: () => 0,
      log,
      knock: (door, hear) =>
        knock(door, (sound) =>
          this.freezer.run(() => {
            kernel.touch();
            if (this.alive) hear(sound);
          }),
        ),
      onState: (state) => this.alive && this.publisher.onState(state),
    });
  }

  get frozen(): boolean {
    return this.freezer.frozen;
  }

  kill(): void {
    this.alive = false;
    this.freezer.thaw();
  }

  onHello(channel: AgentChannel): void {
    this.#kernel.touch();
    this.manager.onHello(channel);
  }

  onReport(channel: AgentChannel, report: InstanceReport): void {
    this.#kernel.touch();
    this.manager.onReport(channel, report);
  }

  onGone(channel: AgentChannel): void {
    this.freezer.run(() => {
      if (!this.alive) return;
      this.#kernel.touch();
      this.manager.onGone(channel);
    });
  }
}
