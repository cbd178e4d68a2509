import { packEvents, serialize } from '@florin/database';
import { expect, test } from 'vitest';
import { frozenEvent, ledgerEvent } from '../testing/stage.ts';
import { jobPayload, jobsFor, readPayload } from './jobs.ts';

const numbered = (count: number) => Array.from({ length: count }, (_, index) => ledgerEvent(index + 1));

test.each([1, 100])('the payload of a job with %i events is read as it was written', (count) => {
  const events = numbered(count);
  expect(readPayload(JSON.parse(jobPayload(events, 2)))).toEqual({ events, attempt: 2 });
});

test('a few events are readable in the table; many take a fraction of their room', () => {
  const [few, many] = [numbered(3), numbered(100)];
  expect(JSON.parse(jobPayload(few, 1))).toEqual({ events: few, attempt: 1 });
  expect(jobPayload(many, 1).length).toBeLessThan(JSON.stringify(many).length / 4);
});

test('events become one job per queue and 1000 of them, the same payload where queues read the same', () => {
  const jobs = jobsFor('test', [...numbered(1_050), frozenEvent(1)].map(serialize));
  const events = (queue: string) =>
    jobs.filter((job) => job.queue === queue).map(({ payload }) => readPayload(JSON.parse(payload)).events.length);
  expect(events('test.accounts.ledger')).toEqual([1_000, 50]);
  expect(events('test.transactions.accounts')).toEqual([1]);
  expect(events('test.notification.inbox')).toEqual([1]);
  const shared = jobs.filter(({ queue }) => queue !== 'test.accounts.ledger').map(({ payload }) => payload);
  expect(new Set(shared).size).toBe(1);
});

test('packs go into jobs as they are, in their order and beside single events', () => {
  const packed = packEvents(numbered(1_150).map(serialize));
  const single = serialize(ledgerEvent(1_151));
  const jobs = jobsFor('test', [...packed, single]);
  const versions = jobs.map(({ payload }) =>
    readPayload(JSON.parse(payload)).events.map((event) => (event.data as { version: number }).version),
  );
  expect(versions.map((own) => own.length)).toEqual([1_000, 150, 1]);
  expect(versions.flat()).toEqual(numbered(1_151).map((_, index) => index + 1));
  for (const [index, pack] of packed.entries()) {
    expect(jobs[Math.floor(index / 10)]?.payload).toContain('zstd' in pack ? pack.zstd : 'nothing');
  }
});
