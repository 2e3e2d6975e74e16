/** The messages that protoc-gen-validate itself is tested with: each has one field `val` with one rule. */
import fc from 'fast-check';
import { expect } from 'vitest';
import type { Json } from '../../proto/json.ts';
import { type Problem, validate } from '../../proto/validate/validate.ts';

export function problems(message: string, val: Json | undefined, wallMs?: () => number): readonly Problem[] {
  return validate(`tests.harness.cases.${message}`, { val }, wallMs);
}

export function passes(message: string, val: Json | undefined): boolean {
  return problems(message, val).length === 0;
}

/** Every value is taken exactly when the predicate says so, and a problem stands at the field and shows the value. */
export function holds<T extends Json>(message: string, values: fc.Arbitrary<T>, isRight: (value: T) => boolean): void {
  fc.assert(
    fc.property(values, (value) => {
      const found = problems(message, value);
      expect(found.length === 0, `${message} ${JSON.stringify(value)}: ${JSON.stringify(found)}`).toBe(isRight(value));
      for (const problem of found) expect(problem.path).toMatch(/^\$\.val/);
    }),
  );
}
