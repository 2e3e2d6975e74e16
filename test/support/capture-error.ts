// What a call threw, as the HowdahError that it must be.
import { HowdahError } from '../../control-plane/model/errors.ts';

export function captureError(action: () => unknown): HowdahError {
  try {
    action();
  } catch (error) {
    return asHowdahError(error);
  }
  throw new Error('nothing was thrown');
}

export async function captureRejection(promise: Promise<unknown>): Promise<HowdahError> {
  try {
    await promise;
  } catch (error) {
    return asHowdahError(error);
  }
  throw new Error('nothing was thrown');
}

function asHowdahError(error: unknown): HowdahError {
  if (error instanceof HowdahError) return error;
  throw error;
}
