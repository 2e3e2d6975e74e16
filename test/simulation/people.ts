/** What people ask of the control plane: one that is away or hangs does not hear it. */
import type { OperatorRequest } from '../../control-plane/api/view.ts';
import { NO_OPERATIONS } from '../../control-plane/model/operations.ts';
import type { ControlPlaneModel } from './control-plane-model.ts';
import type { World } from './world.ts';

/** How often, and after how long, a switchover that was refused is asked for again. */
const SWITCHOVER_TRIES = 4;
const SWITCHOVER_AGAIN_MS = 50;

export class People {
  readonly #world: World;
  /** Switchovers that were asked for and not answered yet. */
  switchovers = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whoever is refused asks again, because the target may be on its way to be fit. */
  switchover(to: string, waitMs: number, triesLeft = SWITCHOVER_TRIES): void {
    const { kernel, spec } = this.#world;
    const controlPlane = this.#reach();
    if (!controlPlane) return;
    this.#say(`switchover to ${to || 'the best'} asked`);
    this.switchovers++;
    const settled = (isDone: boolean) => {
      this.switchovers--;
      if (isDone || triesLeft <= 1) return;
      kernel.after(SWITCHOVER_AGAIN_MS, () => this.switchover(to, waitMs, triesLeft - 1));
    };
    controlPlane.manager.switchover(spec.name, { to: to || undefined, waitMs }).then(
      () => settled(true),
      () => settled(false),
    );
  }

  /** What is refused, or not heard, is forgotten. */
  ask(request: OperatorRequest): void {
    const controlPlane = this.#reach();
    if (!controlPlane) return;
    this.#say(`asked: ${Object.values(request).join(' ')}`);
    controlPlane.manager.request(this.#world.spec.name, request).catch(() => {});
  }

  /** Asks until nothing that people did keeps the cluster from healing. */
  undo(): void {
    const { kernel, store } = this.#world;
    const { paused, fenced } = store.record?.operations ?? NO_OPERATIONS;
    if (paused) this.ask({ kind: 'resume' });
    for (const instance of fenced) this.ask({ kind: 'unfence', instance });
    kernel.after(500, () => this.undo());
  }

  /** Commits are to wait for another number of standbys; nothing happens where there are too few. */
  changeQuorum(quorum: number): void {
    const { spec } = this.#world;
    const controlPlane = this.#reach();
    if (!controlPlane || spec.instances <= quorum + 1) return;
    this.#say(`quorum ${quorum} asked`);
    controlPlane.manager.apply({ ...spec, durability: { ...spec.durability, quorum } }).catch(() => {});
  }

  #reach(): ControlPlaneModel | null {
    const { controlPlane } = this.#world;
    return controlPlane?.frozen ? null : controlPlane;
  }

  #say(what: string): void {
    this.#world.kernel.note(what);
    this.#world.kernel.touch();
  }
}
