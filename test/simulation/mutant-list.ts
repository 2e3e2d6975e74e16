/** Planted defects, each as one or more patches of the sources; the simulation has to find every one of them. */
export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
}

export interface Patch {
  /** Path from the checkout's root. */
  readonly file: string;
  /** Text that is there exactly once. */
  readonly find: string;
  readonly replace: string;
}

const manager = (file: string, find: string, replace: string): Patch => ({
  file: `control-plane/manager/${file}.ts`,
  find,
  replace,
});

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'reversed LSN sort',
    patches: [manager('candidates', 'return a.lsn > b.lsn ? -1 : 1;', 'return a.lsn > b.lsn ? 1 : -1;')],
  },
  {
    name: 'missing fence',
    patches: [
      manager('decide-failover', '.filter((report) => hasPromised(report, record.epoch));', '.filter(() => true);'),
    ],
  },
  {
    name: 'a promise quorum of q - 1',
    patches: [
      manager(
        'decide-failover',
        'Number.POSITIVE_INFINITY;\n  return promiseQuorum(sync);',
        'Number.POSITIVE_INFINITY;\n  return promiseQuorum(sync) - 1;',
      ),
    ],
  },
  {
    name: 'no gate',
    patches: [
      manager(
        'decide-active',
        'if (confirmed && sameSync(confirmed, sync) && flushedCount(postgres, sync, postgres.endOfRecoveryLsn) >= sync.k) {',
        'if (confirmed || postgres) {',
      ),
    ],
  },
  {
    name: 'restart without closing the gate',
    patches: [
      manager(
        'decide-active',
        "{ kind: 'active', primary: phase.primary, gate: 'closed', sync: state.record.sync };",
        'phase;',
      ),
      manager('goals', 'start: !letsIn,', 'start: true,'),
    ],
  },
  {
    name: 'PostgreSQL started while clients are let in',
    patches: [manager('goals', 'start: !letsIn,', 'start: true,')],
  },
  {
    name: 'synchronous_standby_names set after the promotion',
    patches: [
      { file: 'agent/plan.ts', find: `'ANY 1 ("howdah_nobody")'`, replace: "''" },
      {
        file: 'agent/plan.ts',
        find: `if (!sameOverride(server.override, override)) return { kind: 'configure', override };
      // Before the promotion`,
        replace: '// Before the promotion',
      },
    ],
  },
  {
    name: 'WAL receiver left running under the fence',
    patches: [
      {
        file: 'agent/plan.ts',
        find: `if (server.override.primaryConninfo !== '') return { kind: 'configure', override: NO_SOURCE };
      if (server.walReceiver !== 'none') return { kind: 'wait', detail: 'the WAL receiver is stopping' };`,
        replace: '',
      },
    ],
  },
  {
    name: 'receive position only',
    patches: [
      manager('candidates', 'lsn: maxLsn(postgres.receiveLsn, postgres.replayLsn)', 'lsn: postgres.receiveLsn'),
      manager('candidates', 'formatLsn, type Lsn, maxLsn }', 'formatLsn, type Lsn }'),
    ],
  },
  {
    name: 'no timeline check',
    patches: [
      manager(
        'candidates',
        'ineligible(contender, known) ?? divergence(contender, contenders)',
        'null as string | null',
      ),
    ],
  },
  {
    name: 'promise told before it is on disk',
    patches: [
      {
        file: 'test/simulation/agent-model.ts',
        find: "case 'raise-promise':\n",
        replace: "case 'raise-promise':\n        this.promisedEpoch = step.epoch;\n",
      },
    ],
  },
  {
    name: 'promise lost at a restart',
    patches: [
      {
        file: 'test/simulation/agent-model.ts',
        find: '          this.#durableEpoch = step.epoch;\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a voter leaves the store first',
    patches: [
      manager('sync-plan', 'return { told: wanted, stored: grown };', 'return { told: wanted, stored: wanted };'),
    ],
  },
  {
    name: 'a voter is told before it is stored',
    patches: [
      manager('sync-plan', 'voters: union(stored.voters, wanted.voters),', 'voters: stored.voters,'),
      manager(
        'sync-plan',
        'return { told: wanted, stored: grown };',
        'return { told: wanted, stored: grown ?? union };',
      ),
    ],
  },
  {
    name: 'no wait for the safe LSN',
    patches: [
      manager(
        'sync-plan',
        'return flushedCount(postgres, postgres.sync, baseline.lsn) >= postgres.sync.k ?',
        'return flushedCount(postgres, postgres.sync, baseline.lsn) >= 0 ?',
      ),
    ],
  },
  {
    name: 'an old report confirms a new goal',
    patches: [
      manager('reduce', 'if (observed(next, report.instance).sentGoal !== goal.id) return next;', ''),
      manager('reduce', 'if (state.syncBaseline === null || primaryOf', 'if (state.syncBaseline !== null || primaryOf'),
      manager('runner', 'return sentGoal !== id && liveReport', 'return false && liveReport'),
    ],
  },
  {
    name: 'no compare-and-swap',
    patches: [
      {
        file: 'test/simulation/store-model.ts',
        find: '(this.#stored?.revision ?? 0) !== expected',
        replace: '(this.#stored?.revision ?? 0) > expected + 1_000_000',
      },
    ],
  },
  {
    name: 'a goal to lead from a record that may be old',
    patches: [manager('runner', 'if (this.#needsProof(due))', 'if (this.#stopped)')],
  },
  {
    name: 'one slot for all epochs',
    patches: [
      {
        file: 'agent/plan.ts',
        find: 'slotName(observed.instance, goal.epoch)',
        replace: 'slotName(observed.instance, 1)',
      },
      { file: 'agent/plan.ts', find: 'slotName(name, goal.epoch)', replace: 'slotName(name, 1)' },
    ],
  },
  {
    name: 'PostgreSQL numbers the timelines',
    patches: [{ file: 'agent/plan.ts', find: 'Math.max(goal.epoch, timeline + 1)', replace: 'timeline + 1' }],
  },
  {
    name: 'no rewind',
    patches: [
      {
        file: 'agent/plan.ts',
        find: "return fromSource(goal, { kind: 'rewind' });",
        replace: "return { kind: 'start', role: 'standby', override };",
      },
    ],
  },
  {
    name: 'a new primary that waits for nobody',
    patches: [manager('decide-failover', 'return { voters: voters.sort(), k };', 'return NO_SYNC;')],
  },
];
