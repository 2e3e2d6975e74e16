/**
 * Whether a message is what its .proto file asks for: every field known and of its type, and every rule of
 * protoc-gen-validate held. Envoy holds the same rules against what it gets.
 * https://github.com/bufbuild/protoc-gen-validate
 */
import type { Json } from '../json.ts';
import { messageOf } from '../registry.ts';
import type { Problem } from './check.ts';
import { valueCheck } from './value.ts';

export type { Problem } from './check.ts';

/**
 * Every problem of `json`, in the order of its fields, those that are missing last; none = encode() takes it.
 * @param typeName full name, for example `envoy.config.cluster.v3.Cluster`
 * @param wallMs milliseconds since 1970, for rules about now. No message of Envoy has one; without it now is 1970.
 * @throws ProtoError when no .proto file declares the type
 */
export function validate(typeName: string, json: Json, wallMs: () => number = () => 0): readonly Problem[] {
  const shape = messageOf(typeName);
  const problems = valueCheck({ kind: 'message', type: () => shape }, {}, 'rules')(json, wallMs);
  return problems.map(({ path, message }) => ({ path: `$${path}`, message }));
}
