import { ENVOY_ARTIFACT } from './artifacts.ts';
import type { ProgramKind } from './program.ts';
import { parseEnvoyVersion, refuseEnvoy } from './version.ts';

export const ENVOY: ProgramKind = {
  artifact: ENVOY_ARTIFACT,
  file: 'envoy',
  setting: 'HOWDAH_ENVOY',
  help: 'install Envoy 1.37 or newer and put it on PATH, or set HOWDAH_ENVOY to the path of the binary',
  parseVersion: parseEnvoyVersion,
  refuse: refuseEnvoy,
  warn: () => undefined,
};
