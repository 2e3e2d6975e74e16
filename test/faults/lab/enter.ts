/**
 * Moves itself to a node - its control group, its network, its environment - and becomes the program that is meant, with
 * the same pid and parent:
 *   enter.ts '{"group":"/sys/fs/cgroup/...","network":"/run/netns/...","env":{}}' COMMAND ARGUMENT...
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

export interface Entrance {
  /** Directory of the control group; null = stays where it is. */
  readonly group: string | null;
  /** File of the network namespace; null = stays where it is. */
  readonly network: string | null;
  readonly env: Readonly<Record<string, string>>;
}

if (import.meta.main) {
  const [entrance, ...meant] = process.argv.slice(2);
  const { group, network, env }: Entrance = JSON.parse(entrance!);
  if (group !== null) writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
  const enter = network === null ? [] : ['nsenter', `--net=${network}`, '--'];
  const command = ['/usr/bin/env', ...enter, ...meant];
  process.execve?.(command[0]!, command, { ...process.env, ...env });
}
