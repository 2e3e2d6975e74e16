/** Asks an agent what PostgreSQL says against new settings, before anything is stored. */
import { memberNames, primaryOf } from '../model/cluster-record.ts';
import type { ClusterSpec } from '../model/cluster-spec.ts';
import { HowdahError } from '../model/errors.ts';
import type { SettingProblem } from '../model/settings.ts';
import type { Clock } from '../runtime/clock.ts';
import type { AgentChannel } from './manager.ts';
import { type ClusterState, liveReport } from './state.ts';

const ANSWER_LIMIT_MS = 10_000;

export class SettingsChecks {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, (problems: readonly SettingProblem[]) => void>();
  /** Ids of an earlier control plane, which an agent may still tell, must not be taken for ours. */
  #id: number;

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#id = Math.floor(random() * 2 ** 40);
  }

  /**
   * The new ones among the settings of `spec`.
   * @throws HowdahError `invalid-argument` with what PostgreSQL says against each of them; `unavailable`
   */
  async require(state: ClusterState, agents: ReadonlyMap<string, AgentChannel>, spec: ClusterSpec): Promise<void> {
    const { record } = state;
    const before = record.spec.postgres.parameters;
    const changed = Object.entries(spec.postgres.parameters).filter(([name, value]) => before[name] !== value);
    if (changed.length === 0) return;
    const names = [primaryOf(record.phase), ...memberNames(record)];
    const able = names.find((name) => (liveReport(state, name)?.systemId ?? '') !== '');
    const problems = await this.#ask(able === undefined ? undefined : agents.get(able), Object.fromEntries(changed));
    if (problems.length === 0) return;
    throw new HowdahError('invalid-argument', `PostgreSQL refuses settings of ${spec.name}; nothing was changed`, {
      problems: problems.map(({ name, message }) => ({ path: `spec.postgres.parameters.${name}`, message })),
    });
  }

  /** @throws HowdahError `unavailable` when there is no answer */
  async #ask(
    channel: AgentChannel | undefined,
    parameters: Readonly<Record<string, string>>,
  ): Promise<readonly SettingProblem[]> {
    const id = ++this.#id;
    const { promise, resolve, reject } = Promise.withResolvers<readonly SettingProblem[]>();
    const silent = (why: string) => new HowdahError('unavailable', `the new settings can't be checked: ${why}`);
    if (!channel?.send({ kind: 'check-settings', id, parameters })) {
      throw silent('no agent of the cluster with a data directory is connected; start one');
    }
    this.#waiting.set(id, resolve);
    const timer = this.#clock.after(ANSWER_LIMIT_MS, () => {
      reject(silent(`the agent of ${channel.hello.instance} does not answer`));
    });
    try {
      return await promise;
    } finally {
      timer.cancel();
      this.#waiting.delete(id);
    }
  }

  onReport(checked: { readonly id: number; readonly problems: readonly SettingProblem[] }): void {
    this.#waiting.get(checked.id)?.(checked.problems);
  }
}
