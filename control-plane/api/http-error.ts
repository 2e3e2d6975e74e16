// Between what is thrown and an HTTP answer: the one place where the server gives an error a status.
import type { z } from 'zod';
import { ERROR_CODES, HowdahError, type Problem } from '../model/errors.ts';
import type { ErrorBody } from './contract.ts';

export function errorAnswer(error: HowdahError): { status: number; body: ErrorBody } {
  return {
    status: ERROR_CODES[error.code].http,
    body: { error: { code: error.code, message: error.message, problems: [...error.problems] } },
  };
}

/** Anything that a handler or fastify itself threw; fastify's own 4xx are the caller's mistakes. */
export function fromHttpError(thrown: unknown): HowdahError {
  if (thrown instanceof HowdahError || !(thrown instanceof Error)) return HowdahError.from(thrown);
  const status = 'statusCode' in thrown ? thrown.statusCode : undefined;
  if (status === 413) return new HowdahError('resource-exhausted', thrown.message, { cause: thrown });
  if (status === 415) {
    return new HowdahError('invalid-argument', 'the content type must be application/json', { cause: thrown });
  }
  if (status === 503) return new HowdahError('unavailable', 'the control plane is stopping', { cause: thrown });
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return new HowdahError('invalid-argument', thrown.message, { cause: thrown });
  }
  return HowdahError.from(thrown);
}

export function fromSchemaError(message: string, errors: readonly z.ZodError[]): HowdahError {
  return new HowdahError('invalid-argument', message, { problems: errors.flatMap(schemaProblems) });
}

export function schemaProblems(error: z.ZodError): Problem[] {
  return error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message }));
}
