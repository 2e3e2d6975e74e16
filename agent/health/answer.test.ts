import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answer, type HealthView } from './answer.ts';

function view(over: Partial<HealthView> = {}): HealthView {
  return { role: 'standby', epoch: 4, lagBytes: 100n, ready: true, detail: 'as expected', ...over };
}
const primary = view({ role: 'primary', lagBytes: null });
const status = (url: string, of: HealthView) => answer(url, of).status;

describe('/primary', () => {
  it('is fit only for exactly the epoch that was asked for', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (held, asked) => {
        expect(status(`/primary?epoch=${asked}`, { ...primary, epoch: held })).toBe(held === asked ? 200 : 503);
        expect(status(`/primary?epoch=${held}`, { ...primary, epoch: held })).toBe(200);
      }),
    );
  });

  it('is fit for any epoch when none is asked for, and never on a standby', () => {
    expect(status('/primary', primary)).toBe(200);
    expect(answer('/primary?epoch=4', view())).toEqual({ status: 503, reason: 'the role is standby: as expected' });
    expect(answer('/primary?epoch=3', primary)).toEqual({ status: 503, reason: 'primary of epoch 4, not 3' });
  });
});

describe('/standby', () => {
  it('is fit up to the lag that is allowed', () => {
    expect(status('/standby?maxLag=100', view())).toBe(200);
    expect(answer('/standby?maxLag=99', view())).toEqual({ status: 503, reason: '100 bytes behind, over 99' });
    expect(status('/standby', view({ lagBytes: 1n << 62n }))).toBe(200);
  });

  it('is not fit when the lag is not known', () => {
    expect(status('/standby?maxLag=100', view({ lagBytes: null }))).toBe(503);
  });

  it('takes the primary only with orPrimary', () => {
    expect(status('/standby?maxLag=0', primary)).toBe(503);
    expect(status('/standby?maxLag=0&orPrimary=false', primary)).toBe(503);
    expect(status('/standby?maxLag=0&orPrimary=true', primary)).toBe(200);
    expect(status('/standby?orPrimary=true', view({ role: 'none' }))).toBe(503);
  });
});

describe('any question', () => {
  it('is answered with 503 while PostgreSQL accepts no connections', () => {
    for (const url of ['/ready', '/primary', '/standby?orPrimary=true']) {
      expect(status(url, { ...primary, ready: false })).toBe(503);
      expect(status(url, primary)).toBe(200);
    }
  });

  it.each([
    '/primary?epoch=',
    '/primary?epoch=-1',
    '/primary?epoch=4x',
    '/primary?epoch=1&epoch=1',
    '/primary?epoch=99999999999999999999',
    '/primary?maxLag=1',
    '/standby?maxLag=16MB',
    '/standby?orPrimary=yes',
    '/ready?toString=1',
  ])('%s is a wrong question', (url) => {
    expect(status(url, primary)).toBe(400);
  });

  it.each(['/', '', '/primary/', '/Primary', '/toString', '/__proto__', '*'])('%j is no question', (url) => {
    expect(status(url, primary)).toBe(404);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void status(`/standby?${text}`, primary)));
  });
});
