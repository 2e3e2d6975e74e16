import { ETCD_ARTIFACT } from './artifacts.ts';
import type { ProgramKind } from './program.ts';
import { parseEtcdVersion, refuseEtcd, warnOfEtcd } from './version.ts';

export const ETCD: ProgramKind = {
  artifact: ETCD_ARTIFACT,
  file: 'etcd',
  setting: 'HOWDAH_ETCD',
  help: 'install etcd 3.4 or newer (Debian, Ubuntu: `apt install etcd-server`) and put it on PATH, or set HOWDAH_ETCD to the path of the binary',
  parseVersion: parseEtcdVersion,
  refuse: refuseEtcd,
  warn: warnOfEtcd,
};
