/**
 * Throws mutated requests at a server over real streams of the same process, and sees to it that the server goes on: it
 * must answer a proper proxy after each round, must forget the streams that it refused, and its memory must not grow.
 * All is chosen by the seed, but for which answers are there in time to be answered.
 */
import { type Client, status as grpc } from '@grpc/grpc-js';
import { ProtoError } from '../../proto/json.ts';
import { Random } from '../simulation/kernel.ts';
import { until } from '../support/until.ts';
import { openConnection, RawProxy, VARIANTS, type Variant } from './client.ts';
import { FUZZED_KINDS, makeRequest, mutate, requestBytes, type Seen } from './mutations.ts';
import { Stage } from './stage.ts';
import { CLUSTERS, type Kind } from './types.ts';

export interface FuzzOptions {
  readonly requests: number;
  readonly seed: number;
  readonly variants: readonly Variant[];
  /** Called now and then with what has been done so far. */
  onProgress?(done: number, memory: MemorySample): void;
}

export interface MemorySample {
  /** Of all requests, from 0 to 1. */
  readonly progress: number;
  readonly heapUsedMb: number;
  readonly residentMb: number;
}

export interface FuzzReport {
  readonly requests: number;
  readonly seconds: number;
  readonly streams: number;
  /** How many streams ended with each gRPC status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** What other ends than a refusal said; empty where all is well. */
  readonly unexpected: readonly string[];
  readonly responses: number;
  /** After a garbage collection where node runs with --expose-gc. */
  readonly memory: readonly MemorySample[];
}

/** A broken request is the proxy's fault, and so is one that is too large. */
const EXPECTED: readonly number[] = [grpc.OK, grpc.INVALID_ARGUMENT, grpc.RESOURCE_EXHAUSTED];
const ACTORS = 24;
/** HTTP/2 itself ends a connection with many streams that were reset: node takes a thousand at once. */
const STREAMS_A_CONNECTION = 500;
const REQUESTS_A_TURN = 6;
const SAMPLES = 20;

/** One fuzzed stream: it may be ended by the server at any time, and then another takes its place. */
interface Actor {
  readonly proxy: RawProxy;
  readonly kind: Kind;
  readonly seen: Seen[];
}

export async function fuzz({ requests, seed, variants, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const random = new Random(seed);
  await using stage = await Stage.open(VARIANTS.sotwAggregated);
  let connection = openConnection(stage.port);
  const actors: Actor[] = [];
  const statuses: Record<number, number> = {};
  const unexpected = new Set<string>();
  const memory: MemorySample[] = [];
  const startedAt = performance.now();
  let [done, streams, connections, responses, variation] = [0, 0, 1, 0, 0];
  const proper = stage.connect('fuzz/proper');
  try {
    for (let round = 0; done < requests; round += 1) {
      if (round % 4 === 0) variation = publish(stage, variation + 1);
      if (streams >= connections * STREAMS_A_CONNECTION) {
        for (const { proxy } of actors.splice(0)) proxy.disconnect();
        connection.close();
        connection = openConnection(stage.port);
        connections += 1;
      }
      while (actors.length < ACTORS) {
        actors.push(newActor(connection, random, variants));
        streams += 1;
      }
      for (const actor of actors) done += turn(actor, random);
      await answersProperly(stage, proper, round);
      stage.nacks.length = 0;
      for (const actor of actors.splice(0)) {
        responses += read(actor);
        const status = actor.proxy.stream(actor.kind).status;
        if (status) {
          statuses[status.code] = (statuses[status.code] ?? 0) + 1;
          if (!EXPECTED.includes(status.code)) unexpected.add(status.details);
        }
        // Some leave without a word.
        else if (random.chance(0.1)) actor.proxy.disconnect();
        else actors.push(actor);
      }
      if (done >= (memory.length * requests) / SAMPLES) {
        memory.push(sample(done / requests));
        onProgress?.(done, memory.at(-1)!);
      }
    }
    for (const { proxy } of actors) proxy.disconnect();
    await until(() => stage.server.xds.proxies().every(({ node }) => !node.startsWith('fuzz/0')), {
      what: 'the streams to be forgotten',
    });
    memory.push(sample(1));
  } finally {
    connection.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { requests: done, seconds, streams, statuses, unexpected: [...unexpected], responses, memory };
}

/** Always something new, so that what is remembered of old content shows. */
function publish(stage: Stage, variation: number): number {
  stage.publish(
    {
      clusters: { a: variation, b: 1 },
      endpoints: { a: variation, b: 1, c: 1 },
      listeners: { a: 1, d: 1 },
      routes: { a: 1, b: variation },
      secrets: { a: variation },
      runtimes: { a: 1 },
      extensions: { b: 1 },
    },
    'fuzz/0',
  );
  return variation;
}

function newActor(connection: Client, random: Random, variants: readonly Variant[]): Actor {
  const proxy = new RawProxy(connection, random.pick(variants), 'fuzz/0');
  const kind = random.pick(FUZZED_KINDS);
  // Most begin as they should: what is refused at once tests little.
  if (random.chance(0.9)) proxy.ask(kind, { add: random.pick([[], ['a'], ['*'], ['a', 'nowhere']]) });
  return { proxy, kind, seen: [] };
}

/** @returns how many requests were sent */
function turn({ proxy, kind, seen }: Actor, random: Random): number {
  const { aggregated, delta } = proxy.variant;
  const stream = proxy.stream(kind);
  const kinds = aggregated ? FUZZED_KINDS : [kind];
  const count = Math.floor(random.between(1, REQUESTS_A_TURN));
  for (let index = 0; index < count; index += 1) {
    const bytes = requestBytes(makeRequest(random, delta, kinds, seen), delta);
    const isLast = index === count - 1;
    stream.sendBytes(isLast && random.chance(0.7) ? mutate(bytes, random) : bytes);
  }
  return count;
}

function read({ proxy, seen }: Actor): number {
  const answers = proxy.waiting.splice(0);
  for (const { kind, nonce, version } of answers) seen.push({ kind, nonce, version });
  seen.splice(0, seen.length - 8);
  return answers.length;
}

/** A proxy that does everything right still gets what it is to have. */
async function answersProperly(stage: Stage, proper: RawProxy, round: number): Promise<void> {
  stage.publish({ clusters: { proper: round + 1 } }, proper.node);
  if (round === 0) proper.ask(CLUSTERS);
  const answer = await proper.take(CLUSTERS);
  if (answer.resources.get('proper')?.connect_timeout !== `${round + 1}s`)
    throw new Error(`round ${round} was not answered`);
  proper.nonces.length = 0;
  proper.arrivals.length = 0;
}

function sample(progress: number): MemorySample {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { progress, heapUsedMb: heapUsed / 1e6, residentMb: rss / 1e6 };
}

/** Kept apart from fuzz(): no stream, so many more a second. Throws what is no ProtoError. */
export function fuzzDecoding(requests: number, seed: number, decode: (bytes: Buffer, delta: boolean) => void): number {
  const random = new Random(seed);
  let refused = 0;
  for (let done = 0; done < requests; done += 1) {
    const delta = random.chance(0.5);
    const bytes = mutate(requestBytes(makeRequest(random, delta, FUZZED_KINDS, []), delta), random);
    try {
      decode(bytes, delta);
    } catch (error) {
      if (!(error instanceof ProtoError))
        throw new Error(`${bytes.toString('hex').slice(0, 2000)} (seed ${seed})`, { cause: error });
      refused += 1;
    }
  }
  return refused;
}
