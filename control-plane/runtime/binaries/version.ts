/** Versions as the programs print them, and which of them Howdah works with. Pure. */

export const POSTGRES_OLDEST = 15;
export const POSTGRES_NEWEST = 18;

/** The oldest Envoy that is taken: minor version of 1.x. Older ones get no security fixes from the Envoy project. */
export const ENVOY_OLDEST_MINOR = 37;

export interface PostgresVersion {
  /** As printed, for example `18.6` or `19beta1`. */
  readonly text: string;
  readonly major: number;
}

/** Reads `postgres --version`: `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`. */
export function parsePostgresVersion(output: string): PostgresVersion | undefined {
  const match = /\(PostgreSQL\) ((\d+)\S*)/.exec(output);
  return match ? { text: match[1]!, major: Number(match[2]) } : undefined;
}

/** Reads `envoy --version`: `... version: <commit>/1.40.0/Clean/RELEASE/BoringSSL`. */
export function parseEnvoyVersion(output: string): string | undefined {
  return /version: [^/\s]*\/(\d+\.\d+\.\d+[^/\s]*)\//.exec(output)?.[1];
}

/** Reads `etcd --version`: `etcd Version: 3.5.1`. */
export function parseEtcdVersion(output: string): string | undefined {
  return /^etcd Version: (\d+\.\d+\.\d+\S*)/m.exec(output)?.[1];
}

/** Why this PostgreSQL is refused; undefined when it is taken. */
export function refusePostgres(version: PostgresVersion): string | undefined {
  if (version.major < POSTGRES_OLDEST) return refusal('PostgreSQL', version.text, 'too old', '15 to 18');
  if (version.major > POSTGRES_NEWEST) return refusal('PostgreSQL', version.text, 'too new', '15 to 18');
  // A beta's data directory can't be read by the release.
  if (!/^\d+\.\d+$/.test(version.text)) return refusal('PostgreSQL', version.text, 'not a release', '15 to 18');
  return undefined;
}

/** Why this Envoy is refused; undefined when it is taken. */
export function refuseEnvoy(version: string): string | undefined {
  const [major, minor] = version.split('.').map(Number);
  if (major === 1 && minor! >= ENVOY_OLDEST_MINOR) return undefined;
  return refusal('Envoy', version, major === 1 ? 'too old' : 'too new', `1.${ENVOY_OLDEST_MINOR} or a newer 1.x`);
}

/** Why this etcd is refused; undefined when it is taken. Before 3.4 transactions and leases had errors of their own. */
export function refuseEtcd(version: string): string | undefined {
  const [major, minor] = version.split('.').map(Number);
  if (major === 3 && minor! >= 4) return undefined;
  return refusal('etcd', version, major! < 3 || minor! < 4 ? 'too old' : 'too new', '3.4 or a newer 3.x');
}

/** What is wrong with an etcd that is taken all the same; undefined when nothing. */
export function warnOfEtcd(version: string): string | undefined {
  if (!/^3\.5\.[0-2]$/.test(version)) return undefined;
  return `etcd ${version} can lose a write when it is killed: for trials only, put 3.5.3 or newer on PATH`;
}

function refusal(product: string, version: string, why: string, accepted: string): string {
  return `${product} ${version} is ${why}: Howdah works with ${product} ${accepted}`;
}
