/** How an etcd of one member is started. Pure. https://etcd.io/docs/v3.5/op-guide/configuration/ */

export interface EtcdMember {
  readonly name: string;
  readonly dataDirectory: string;
  /** Where clients reach it, `http://HOST:PORT`. */
  readonly url: string;
  /** Where other members would. */
  readonly peerUrl: string;
}

export function etcdFlags({ name, dataDirectory, url, peerUrl }: EtcdMember): string[] {
  return [
    ...[`--name=${name}`, `--data-dir=${dataDirectory}`, '--log-level=error'],
    ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
    ...[`--listen-peer-urls=${peerUrl}`, `--initial-advertise-peer-urls=${peerUrl}`],
    `--initial-cluster=${name}=${peerUrl}`,
  ];
}
