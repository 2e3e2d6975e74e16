import { describe, expect, it } from 'vitest';
import type { LeadGoal } from '../control-plane/model/goal.ts';
import { Lease } from './lease.ts';

const goal: LeadGoal = {
  kind: 'lead',
  epoch: 1,
  sync: { voters: ['b', 'c'], k: 1 },
  create: false,
  start: true,
  members: ['b', 'c'],
};
const asynchronous: LeadGoal = { ...goal, sync: { voters: [], k: 0 } };

describe('a lease', () => {
  it('is not held before anything renewed it, but by a cluster of one', () => {
    expect(new Lease().held(goal, 0)).toBe(false);
    expect(new Lease().held({ ...goal, members: [] }, 0)).toBe(true);
  });

  it('counts from when the report was sent, not from the answer', () => {
    const lease = new Lease();
    lease.sent(7, 1000);
    lease.acknowledged(7, 5000);
    expect(lease.held(goal, 4999)).toBe(true);
    expect(lease.held(goal, 5000)).toBe(false);
  });

  it('counts from when a knock was answered, once the control plane says that it heard that', () => {
    const lease = new Lease();
    lease.stamped('one', 1000);
    lease.stamped('two', 3000);
    expect(lease.held(goal, 3000)).toBe(false);
    lease.heard('of another boot', 5000);
    expect(lease.held(goal, 3000)).toBe(false);
    lease.heard('one', 5000);
    expect(lease.held(goal, 4999)).toBe(true);
    expect(lease.held(goal, 5000)).toBe(false);
  });

  it('is not renewed by an answer to a report of another boot, or by an answer twice', () => {
    const lease = new Lease();
    lease.acknowledged(3, 5000);
    expect(lease.held(goal, 0)).toBe(false);
    lease.sent(4, 100);
    lease.acknowledged(4, 5000);
    lease.acknowledged(4, 5000);
    expect(lease.held(goal, 4100)).toBe(false);
  });

  it('is renewed by k voters that go on replying, from before they were looked at', () => {
    const lease = new Lease();
    lease.looked(goal, { b: '1', c: '1' }, 1000);
    expect(lease.held(goal, 1000)).toBe(false);
    lease.looked(goal, { b: '2', c: '1' }, 2000);
    expect(lease.held(goal, 4999)).toBe(true);
    expect(lease.held(goal, 5000)).toBe(false);
    // The same replies again are no news.
    lease.looked(goal, { b: '2', c: '1' }, 3000);
    expect(lease.held(goal, 5000)).toBe(false);
  });

  it('of an asynchronous cluster is renewed by voters only while all members reply', () => {
    const lease = new Lease();
    lease.looked(asynchronous, { b: '1', c: '1' }, 1000);
    lease.looked(asynchronous, { b: '2', c: '1' }, 2000);
    expect(lease.held(asynchronous, 2000)).toBe(false);
    lease.looked(asynchronous, { b: '3', c: '2' }, 3000);
    lease.looked(asynchronous, { b: '4' }, 5000);
    expect(lease.held(asynchronous, 5999)).toBe(true);
    expect(lease.held(asynchronous, 6000)).toBe(false);
  });
});
