/**
 * How a control plane's process is to be started: node, these, its program. Where thousands of proxies connect, memory
 * counts more than the last percent of speed, and V8 by itself lets the heap grow to a multiple of what is used. The last
 * two spare the latency of single changes: code that is compiled anew because objects live longer than before, and
 * threads that wake each other to look through a young heap of which little is left. docs/xds-benchmark.md has what they
 * change.
 */
export const HEAP_FLAGS = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--heap-growing-percent=40',
  '--no-allocation-site-pretenuring',
  '--no-parallel-scavenge',
] as const;
