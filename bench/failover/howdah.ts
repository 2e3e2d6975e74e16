/** Howdah as `howdah up` runs it, with defaults, but that frozen primaries may follow one another within a minute. */
import type { Endpoint } from '../../cli/demo/workload.ts';
import { endpointOf, LiveClusters, primaryOf } from '../../test/support/live-cluster.ts';
import { descendants } from '../../test/support/processes.ts';
import type { Contender, FaultName } from './contender.ts';

const CLUSTER = 'bench';

export class Howdah implements Contender {
  readonly name = 'Howdah';
  readonly about = 'howdah up, three instances, defaults (strict, quorum 1 of 2) but restAfterSilence 0s';
  rw: Endpoint = { host: '', port: 0 };
  ro: Endpoint = { host: '', port: 0 };
  readonly #live = new LiveClusters({ [CLUSTER]: '{ instances: 3, failover: { restAfterSilence: 0s } }' });

  async start(): Promise<void> {
    await this.#live.up.ready(240_000);
    const { endpoints } = await this.#live.whole(CLUSTER);
    this.rw = endpointOf(endpoints.rw);
    this.ro = endpointOf(endpoints.ro);
  }

  async whole(): Promise<string> {
    return (await this.#live.whole(CLUSTER)).primary!;
  }

  async strike(fault: FaultName): Promise<() => Promise<void>> {
    const nothing = async () => undefined;
    const { agent, postgres, envoy } = primaryOf(await this.#live.up.cluster(CLUSTER)).pids;
    switch (fault) {
      case 'crash':
        process.kill(postgres, 'SIGKILL');
        return nothing;
      case 'instance-killed':
        // Its supervisor starts it again at once.
        for (const pid of [agent, postgres, envoy]) process.kill(pid, 'SIGKILL');
        return nothing;
      case 'frozen': {
        const frozen = [agent, ...descendants(agent).map(({ pid }) => pid)];
        for (const pid of frozen) process.kill(pid, 'SIGSTOP');
        return async () => {
          for (const pid of frozen) process.kill(pid, 'SIGCONT');
        };
      }
      case 'switchover':
        await this.#live.up.api().switchover(CLUSTER, {});
        return nothing;
    }
  }

  stop(): Promise<void> {
    return this.#live.end();
  }
}
