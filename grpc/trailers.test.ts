import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { timeoutMs, trailersOf } from './trailers.ts';

describe('trailers', () => {
  it('hold printable ASCII only, whatever is told', () => {
    const trailers = trailersOf({ code: status.INTERNAL, details: '100 % schön\n\ud800' });
    expect(trailers).toEqual({ 'grpc-status': '13', 'grpc-message': '100 %25 sch%C3%B6n%0A%EF%BF%BD' });
    expect(decodeURIComponent(String(trailers['grpc-message']))).toBe('100 % schön\n\ufffd');
    expect(trailersOf({ code: status.OK, details: '' })).toEqual({ 'grpc-status': '0' });
  });

  it.each([
    ['100m', 100],
    ['2S', 2000],
    ['1H', 3_600_000],
    ['5000000u', 5000],
    ['123456789S', undefined],
    ['fast', undefined],
    [undefined, undefined],
  ])('the timeout %s is %s ms', (text, ms) => {
    expect(timeoutMs(text)).toBe(ms);
  });
});
