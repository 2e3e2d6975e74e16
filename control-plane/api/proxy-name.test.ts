import { describe, expect, it } from 'vitest';
import { captureError } from '../../test/support/capture-error.ts';
import { resolveProxy } from './proxy-name.ts';

const ids = ['instance/orders/orders-1', 'instance/orders/orders-2', 'instance/users/users-1', 'gateway/local'];

describe('resolveProxy', () => {
  it.each([
    ['instance/orders/orders-1', 'instance/orders/orders-1'],
    ['orders/orders-2', 'instance/orders/orders-2'],
    ['users-1', 'instance/users/users-1'],
    ['local', 'gateway/local'],
  ])('%s is %s', (name, id) => {
    expect(resolveProxy(name, ids)).toBe(id);
  });

  it.each([
    ['order-1', 'not-found', 'did you mean "orders-1"?'],
    ['gateway/locl', 'not-found', 'did you mean "gateway/local"?'],
    ['something-else', 'not-found', 'there are: instance/orders/orders-1, '],
    ['rders-1', 'not-found', 'did you mean "orders-1"?'],
  ])('%s is answered with %s', (name, code, text) => {
    const error = captureError(() => resolveProxy(name, ids));
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  });

  it('does not choose among several', () => {
    const error = captureError(() => resolveProxy('a', ['gateway/a', 'instance/a/a']));
    expect(error.code).toBe('invalid-argument');
    expect(error.message).toContain('gateway/a or instance/a/a');
  });

  it('says when there is none', () => {
    expect(captureError(() => resolveProxy('a', [])).message).toContain('there is none');
  });
});
