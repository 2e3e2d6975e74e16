/**
 * How a control plane's process is to be started: node, these, its program. Where thousands of proxies connect, memory
 * counts more than the last percent of speed, and V8 by itself lets the heap grow to a multiple of what is used.
 * docs/xds-benchmark.md has what they change.
 */
export const HEAP_FLAGS = ['--max-semi-space-size=16', '--heap-growing-percent=40'] as const;
