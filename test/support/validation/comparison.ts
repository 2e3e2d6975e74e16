/** Our verdict and Envoy's side by side, and why they differ where they do. */

import { encode } from '../../../proto/encode.ts';
import { ProtoError } from '../../../proto/json.ts';
import { validate } from '../../../proto/validate/validate.ts';
import { envoyProblems } from '../../../xds/envoy-checks.ts';
import { CLUSTER_TYPE, ENDPOINT_TYPE, LISTENER_TYPE } from '../../../xds/type-urls.ts';
import type { Mutant } from './mutations.ts';
import type { Sample } from './parts.ts';
import { MESSAGE_OF } from './samples.ts';

const CHECKED: Readonly<Partial<Record<Sample['kind'], string>>> = {
  cluster: CLUSTER_TYPE,
  listener: LISTENER_TYPE,
  endpoints: ENDPOINT_TYPE,
};

/** '' when we would send it, else every problem: rules, types, and what is known of Envoy beyond them. */
export function ourVerdict({ kind, resource }: Sample): string {
  const typeUrl = CHECKED[kind];
  const problems = [
    ...validate(MESSAGE_OF[kind], resource),
    ...(typeUrl === undefined ? [] : envoyProblems(typeUrl, resource)),
  ];
  if (problems.length === 0) encodes({ kind, resource, name: '' });
  return problems.map(({ path, message }) => `${path}: ${message}`).join('; ');
}

/** @throws Error when validate() let through what can't be encoded: that must not be */
function encodes({ kind, resource }: Sample): void {
  try {
    encode(MESSAGE_OF[kind], resource);
  } catch (error) {
    if (error instanceof ProtoError) throw new Error(`validate() missed what encode() refuses: ${error.message}`);
    throw error;
  }
}

export interface Verdicts {
  readonly mutant: Mutant;
  readonly ours: string;
  readonly envoys: string;
}

interface Explanation {
  readonly refusedBy: 'Envoy' | 'us';
  /** Of the words of whoever refused. */
  readonly words: RegExp;
  readonly text: string;
}

/** Each disagreement is explained by the first that fits its words. */
const EXPLANATIONS: readonly Explanation[] = [
  envoy(/didn't find a registered /i, 'an extension is looked up in what this Envoy was built with'),
  envoy(
    /Unknown gRPC client cluster|unknown cluster/,
    'a reference: told by the reference checks of a snapshot, which this comparison of single resources leaves out',
  ),
  envoy(
    /duplicate cluster/,
    'two of one name: told of the resources of a snapshot, which this comparison of single resources leaves out',
  ),
  envoy(/terminal filter/, 'the order of filters: which of them ends a chain is known to the extension only'),
  envoy(/same matching rules/, 'two filter chains that match the same'),
  envoy(/drop_overloads|drop_ratio/, 'one overload category, of at most 100 %: a limit of the implementation'),
  envoy(
    /minimum_ring_size|max_interval|prime number|end <= 600|expecting start/,
    'one field against another, or a number of a kind that no rule can name',
  ),
  envoy(
    /hex string|Invalid path|unable to read file|malformed IP address|Invalid cidr|failed to .*certificate|regex|format string|header name/i,
    'the content of a text: parsed where it is used',
  ),
  envoy(
    /No TLS certificates|Secret type not implemented|single locality_lb_endpoint|must not be empty|at least one|are required|API configs must have|Missing config source/i,
    'something that must be there in this combination',
  ),
  ours(
    /runtime_key: must have at least 1 character|token_bucket.max_tokens: must be more than 0/,
    'the .proto files of the package are older: Envoy 1.40 took these rules back (the descriptors in its binary have none), ours are the stricter ones',
  ),
  ours(
    /expected (a list, not \{\}|an object \(.*\), not \[\]|true or false, not "yes")/,
    "JSON only: Envoy's parser reads this as empty or as true. Over xDS it can't be: what travels is protobuf",
  ),
];

function envoy(words: RegExp, text: string): Explanation {
  return { refusedBy: 'Envoy', words, text };
}

function ours(words: RegExp, text: string): Explanation {
  return { refusedBy: 'us', words, text };
}

export interface Comparison {
  readonly bothAccept: number;
  readonly bothRefuse: number;
  readonly disagreements: readonly Disagreement[];
}

export interface Disagreement {
  readonly sample: string;
  readonly change: string;
  readonly refusedBy: Explanation['refusedBy'];
  readonly words: string;
  /** The first that fits; '' = none does. */
  readonly explanation: string;
}

/** Those of EXPLANATIONS that nothing needs: they would excuse what nobody looked at. */
export function unusedExplanations({ disagreements }: Comparison): string[] {
  const used = new Set(disagreements.map(({ explanation }) => explanation));
  return EXPLANATIONS.map(({ text }) => text).filter((text) => !used.has(text));
}

export function compare(all: readonly Verdicts[]): Comparison {
  const agreed = (accepted: boolean) =>
    all.filter(({ ours, envoys }) => (ours === '') === accepted && (envoys === '') === accepted).length;
  const disagreements = all.filter(({ ours, envoys }) => (ours === '') !== (envoys === '')).map(disagreement);
  return { bothAccept: agreed(true), bothRefuse: agreed(false), disagreements };
}

function disagreement({ mutant, ours, envoys }: Verdicts): Disagreement {
  const refusedBy = ours === '' ? 'Envoy' : 'us';
  const words = ours === '' ? envoys : ours;
  const fitting = EXPLANATIONS.find((each) => each.refusedBy === refusedBy && each.words.test(words));
  return { sample: mutant.sample.name, change: mutant.change, refusedBy, words, explanation: fitting?.text ?? '' };
}

/** The part of docs/validation.md that the test holds. */
export function comparisonText({ bothAccept, bothRefuse, disagreements }: Comparison): string {
  const of = (refusedBy: Explanation['refusedBy']) => disagreements.filter((each) => each.refusedBy === refusedBy);
  const count = bothAccept + bothRefuse + disagreements.length;
  return [
    `Of ${count} resources both take ${bothAccept} and both refuse ${bothRefuse}. Envoy alone refuses`,
    `${of('Envoy').length}, Howdah alone ${of('us').length}.`,
    '',
    '### Envoy refuses, Howdah does not',
    '',
    ...section(of('Envoy')),
    '### Howdah refuses, Envoy does not',
    '',
    ...section(of('us')),
  ].join('\n');
}

function section(disagreements: readonly Disagreement[]): string[] {
  const groups = [...Map.groupBy(disagreements, ({ explanation }) => explanation)];
  return groups.flatMap(([explanation, members]) => [
    `**${members.length}: ${explanation}.**`,
    '',
    '| resource | change | words |',
    '| --- | --- | --- |',
    ...members.map(({ sample, change, words }) => `| ${sample} | ${cell(change, 160)} | ${cell(words, 140)} |`),
    '',
  ]);
}

function cell(text: string, most: number): string {
  const line = text.replace(/\s+/g, ' ').replaceAll('|', '\\|').replaceAll('`', "'");
  return `\`${line.length > most ? `${line.slice(0, most - 3)}...` : line}\``;
}
