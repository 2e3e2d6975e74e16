import { describe, expect, it } from 'vitest';
import { LISTENER_TYPE } from '../../xds/index.ts';
import { RefusalRetry, retryDelayMs } from './refusal-retry.ts';

const TAKEN = "Error adding/updating listener(s) rw: cannot bind '127.0.0.1:6432': Address already in use";

function fixture() {
  let running: { ms: number; action: () => void } | null = null;
  const retried: string[] = [];
  const clock = {
    after(ms: number, action: () => void) {
      const timer = { ms, action };
      running = timer;
      return {
        cancel: () => {
          if (running === timer) running = null;
        },
      };
    },
  };
  const retry = new RefusalRetry({ clock, retry: (node) => retried.push(node) });
  const rejection = (error: string) => ({ version: 'v', error, resources: ['rw'], at: 0 });
  return {
    retry,
    retried,
    delay: () => running?.ms ?? null,
    fire() {
      const timer = running;
      running = null;
      timer?.action();
    },
    nack: (error = TAKEN) => retry.onNack('n', { kind: 'nack', type: LISTENER_TYPE, rejection: rejection(error) }),
    ack: () => retry.onAck('n', { kind: 'ack', type: LISTENER_TYPE, version: 'v', tookMs: 1, publishedMs: null }),
  };
}

describe('RefusalRetry', () => {
  it('offers again what could not be bound, later and later', () => {
    const { retry, retried, delay, fire, nack, ack } = fixture();
    const delays: (number | null)[] = [];
    for (let round = 0; round < 7; round++) {
      nack();
      delays.push(delay());
      // The last good configuration is accepted: that changes nothing.
      ack();
      fire();
    }
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(retried).toHaveLength(7);
    ack();
    nack();
    expect(delay()).toBe(1000);
    retry.stop();
    expect(delay()).toBeNull();
  });

  it('leaves alone what the content is to blame for', () => {
    const { delay, nack } = fixture();
    nack('rw: no such filter');
    expect(delay()).toBeNull();
    nack();
    nack('rw: no such filter');
    expect(delay()).toBeNull();
  });

  it('forgets a proxy that is gone', () => {
    const { retry, delay, nack } = fixture();
    nack();
    retry.onClosed('other');
    expect(delay()).toBe(1000);
    retry.onClosed('n');
    expect(delay()).toBeNull();
  });

  it('never waits longer than half a minute', () => {
    expect(retryDelayMs(1000)).toBe(30_000);
  });
});
