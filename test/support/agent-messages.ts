import type { InstanceReport } from '../../control-plane/model/instance.ts';
import type { AgentHello } from '../../control-plane/runtime/agent-protocol.ts';

/** Builders of what an agent says. */
export function helloOf(over: Partial<AgentHello> = {}): AgentHello {
  return {
    kind: 'hello',
    cluster: 'orders',
    instance: 'orders-1',
    bootId: 'boot-a',
    placement: {
      host: '127.0.0.1',
      zone: '',
      ports: { rw: 1, ro: 2, any: 3, mesh: 4, meshRw: 5, replication: 6, health: 7 },
      socketDir: '/run/orders-1',
    },
    postgresMajor: 18,
    ...over,
  };
}

export function reportOf(over: Partial<InstanceReport> = {}): InstanceReport {
  return {
    instance: 'orders-1',
    bootId: 'boot-a',
    seq: 1,
    term: 0,
    promisedEpoch: 3,
    goal: null,
    systemId: '7400000000000000000',
    timeline: 2,
    history: [],
    postgres: { kind: 'standby', receiveLsn: 100n, replayLsn: 90n, streaming: true },
    pids: { agent: 1, postgres: 2, envoy: 3 },
    ...over,
  };
}
