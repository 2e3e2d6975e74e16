/** Planted defects, each as one or more patches of the sources; the simulation has to find every one of them. */
export interface Mutant {
  readonly name: string;
  readonly patches: readonly Patch[];
  /** A property test that has to find it instead, where the simulation has no model: path from the checkout's root. */
  readonly foundBy?: string;
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

const inFile =
  (file: string) =>
  (find: string, replace: string): Patch => ({ file, find, replace });
const plan = inFile('agent/plan.ts');
const lease = inFile('agent/lease.ts');
const agent = inFile('test/simulation/agent-model.ts');
const memory = inFile('xds/memory.ts');

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
    name: 'no wait for an old primary that is heard',
    patches: [manager('decide-active', 'if (old) return stay', 'if (old && !postgres) return stay')],
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
    name: 'a gate that was opened for the run before lets clients in',
    patches: [
      {
        file: 'agent/closed.ts',
        find: 'server.written.closed && (goal.start || !isRecoveryHeld(goal, server))',
        replace: 'goal.start && server.written.closed',
      },
    ],
  },
  {
    name: 'a primary that starts again lets clients in at once',
    patches: [
      {
        file: 'agent/closed.ts',
        find: "case 'stopped':\n      return true;",
        replace: "case 'stopped':\n      return false;",
      },
    ],
  },
  {
    name: 'PostgreSQL started while clients are let in',
    patches: [manager('goals', 'start: !letsIn,', 'start: true,')],
  },
  {
    name: 'synchronous_standby_names set after the promotion',
    patches: [
      plan('formatSync({ voters: [NOBODY_NAME], k: 1 })', "''"),
      plan(
        `if (!isSet(server, override)) return { kind: 'configure', override };
      // Before the promotion`,
        '// Before the promotion',
      ),
    ],
  },
  {
    name: 'WAL receiver left running under the fence',
    patches: [
      plan(
        `if (server.override.primaryConninfo !== '' || server.written.primaryConninfo !== '')
        return { kind: 'configure', override: NO_SOURCE };
      if (server.walReceiver !== 'none') return { kind: 'wait', detail: 'the WAL receiver is stopping' };`,
        '',
      ),
    ],
  },
  {
    name: 'receive position only',
    patches: [
      manager('candidates', 'lsn = maxLsn(postgres.receiveLsn, postgres.replayLsn)', 'lsn = postgres.receiveLsn'),
      manager('candidates', 'formatLsn, type Lsn, maxLsn }', 'formatLsn, type Lsn }'),
    ],
  },
  {
    // Timelines have the numbers of epochs, so the highest one is the right one: that guards the same, and goes too.
    name: 'no timeline check',
    patches: [
      manager('candidates', 'if (a.timeline !== b.timeline) return b.timeline - a.timeline;', ''),
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
      agent(
        "if (step.kind === 'raise-promise') {\n",
        "if (step.kind === 'raise-promise') {\n      this.promisedEpoch = step.epoch;\n",
      ),
    ],
  },
  {
    name: 'promise lost at a restart',
    patches: [agent('        this.#durableEpoch = step.epoch;\n', '')],
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
      plan('slotName(observed.instance, goal.epoch, goal.source)', 'slotName(observed.instance, 1)'),
      { file: 'agent/plan-slots.ts', find: 'slotName(name, goal.epoch)', replace: 'slotName(name, 1)' },
    ],
  },
  {
    name: 'PostgreSQL numbers the timelines',
    patches: [plan('Math.max(goal.epoch, timeline + 1)', 'timeline + 1')],
  },
  {
    name: 'no rewind',
    patches: [
      plan("return fromSource(goal, { kind: 'rewind' });", "return { kind: 'start', role: 'standby', override };"),
    ],
  },
  {
    name: 'a new primary that waits for nobody',
    patches: [manager('decide-failover', 'return { voters: voters.sort(), k };', 'return NO_SYNC;')],
  },
  {
    name: 'a standby acknowledges before its fsync',
    patches: [
      {
        file: 'test/simulation/wal-stream.ts',
        find: 'const flushed = standby.disk?.flushed ?? 0;',
        replace: 'const flushed = standby.disk?.wal.length ?? 0;',
      },
      {
        file: 'test/simulation/postgres-model.ts',
        find: 'else this.#afterSync(flush);',
        replace: 'else {\n      stream.reply();\n      this.#afterSync(flush);\n    }',
      },
    ],
  },
  {
    name: 'k is lowered in PostgreSQL first',
    patches: [manager('sync-plan', 'k: Math.min(stored.k, wanted.k),', 'k: stored.k,')],
  },
  {
    name: 'wall clock in the lease',
    patches: [
      agent('this.#lease.sent(this.#seq, this.#sent.at);', 'this.#lease.sent(this.#seq, this.clock.wall());'),
      agent('this.#lease.stamped(stamp, this.clock.now());', 'this.#lease.stamped(stamp, this.clock.wall());'),
      agent('this.#lease.leftMs(goal, this.clock.now())', 'this.#lease.leftMs(goal, this.clock.wall())'),
      agent('this.#holdsLease(this.clock.now()) };', 'this.#holdsLease(this.clock.wall()) };'),
      agent(
        '#observe(): void {\n    const now = this.clock.now();',
        '#observe(): void {\n    const now = this.clock.wall();',
      ),
    ],
  },
  {
    name: 'lease timed from the answer',
    patches: [
      lease('this.#sentAt.get(seq) ?? Number.NEGATIVE_INFINITY);', 'now);'),
      lease('acknowledged(seq: number, leaseMs: number)', 'acknowledged(seq: number, leaseMs: number, now: number)'),
      agent(
        'this.#lease.acknowledged(message.seq, message.leaseMs);',
        'this.#lease.acknowledged(message.seq, message.leaseMs, this.clock.now());',
      ),
      lease('since: this.#lookedAt', 'since: now'),
    ],
  },
  {
    name: 'no lease',
    patches: [lease('if (members.length === 0) return', 'if (members) return')],
  },
  {
    name: 'duplicate names',
    patches: [plan('`application_name=', '`application_name=sim-2 was=')],
  },
  {
    name: 'the removal of an endpoint taken as a fence',
    patches: [
      {
        file: 'control-plane/routing/mesh.ts',
        find: 'epoch: fenced ? record.epoch : 0,',
        replace: "epoch: kind === 'replication' ? record.epoch : 1,",
      },
      {
        file: 'control-plane/routing/mesh.ts',
        find: 'instance === primaryOf(record.phase) ? record.epoch : 0',
        replace: 'instance === primaryOf(record.phase) ? 1 : 0',
      },
      {
        file: 'test/simulation/clients.ts',
        find: 'agent.isFit(session.epoch)',
        replace: 'agent.isFit(agent.leadEpoch)',
      },
    ],
  },
  {
    name: 'a smart stop',
    patches: [
      {
        file: 'test/simulation/postgres-model.ts',
        find: "between(5, mode === 'fast' ? 80 : 30)",
        replace: "between(5, mode === 'fast' ? 80 : 20_000)",
      },
    ],
  },
  {
    name: 'a store that was rolled back is accepted',
    patches: [
      {
        file: 'test/simulation/store-model.ts',
        find: 'if (revision < this.#seen) throw',
        replace: 'if (revision < 0) throw',
      },
    ],
  },
  {
    name: 'a timeout counted as failed',
    patches: [
      {
        file: 'test/simulation/clients.ts',
        find: 'this.#world.invariants.indeterminate(id)',
        replace: 'this.#world.invariants.failed(id)',
      },
    ],
  },
  {
    name: 'a cancelled commit counted as acknowledged',
    patches: [
      {
        file: 'test/simulation/commits.ts',
        find: 'return this.#waiters.shift() !== undefined;',
        replace: 'const one = this.#waiters.shift();\n    one?.onAck();\n    return one !== undefined;',
      },
    ],
  },
  {
    name: 'what a reload is about to change is not looked at',
    patches: [
      plan(
        'sameOverride(server.override, override) && sameOverride(server.written, override)',
        'sameOverride(server.override, override)',
      ),
      plan(" || server.written.primaryConninfo !== ''", ''),
      plan(' && sameSync(written, told)', ''),
      {
        file: 'agent/plan-sync.ts',
        find: 'parseSync(written.synchronousStandbyNames)',
        replace: 'written && parseSync ? shown : null',
      },
    ],
  },
  {
    name: 'k rises in one step in PostgreSQL',
    patches: [{ file: 'agent/plan-sync.ts', find: 'const rises = [', replace: 'const rises = wanted.k < 0 && [' }],
  },
  {
    name: 'two settings with a voter from outside each meet in the walsenders',
    patches: [
      manager('gate-voters', 'if (keepsQuorums(stored, primary, either(told, wanted))) return', 'if (stored) return'),
    ],
  },
  {
    name: 'an old primary runs on while its promise is written',
    patches: [
      plan(
        "(goal.kind === 'fence' || goal.kind === 'follow') && leads(observed.server);",
        'false && leads(observed.server);',
      ),
    ],
  },
  {
    name: 'what starts as a primary is opened because it is to follow',
    patches: [
      { file: 'agent/closed.ts', find: 'return { ...wanted, closed };', replace: 'return wanted;' },
      // A promise of a later epoch stops it first, which is enough alone.
      plan(
        "return server.kind === 'primary' || (server.kind === 'starting' && server.override.closed);",
        "return server.kind === 'primary';",
      ),
    ],
  },
  {
    name: 'a version that was refused is sent again',
    // Two places keep it from that: by the resource, and by the whole response.
    patches: [
      memory('return this.#refusals?.versions.has(key(resource)) ?? false;', "return key(resource) === '';"),
      memory(
        'return this.#refusals?.versions.has(responseKey(type, fingerprint)) ?? false;',
        "return responseKey(type, fingerprint) === '';",
      ),
    ],
    foundBy: 'xds/session.property.test.ts',
  },
];
