import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, type Fleet, startFleet } from '@florin/testing';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { throughEveryField } from '../canaries/every-field.ts';
import { Journal } from '../canaries/journal.ts';
import {
  changePasswords,
  keepPayees,
  pay,
  signUp,
  useFactorsAndKeys,
  useWebhooks,
  type Watched,
} from '../canaries/journeys.ts';
import { type Canary, leaksIn } from '../canaries/leaks.ts';
import { type Document, readDocument } from '../fuzz/operations.ts';
import { capturedEvents, captureEvents } from './captured-events.ts';
import { type Collector, startCollector } from './collector.ts';

/** No secret: it stands where a search has to find it, or the search is blind. */
const planted = `Planted ${randomUUID()}`;
const plantedPath = planted.replace(' ', '-');
const services = ['identity', 'accounts', 'transactions', 'notification'];

let collector: Collector;
let fleet: Fleet;
let journal: Journal;
let document: Document;
let places: Record<string, string>;

beforeAll(async () => {
  collector = await startCollector();
  fleet = await startFleet({
    transport: 'embedded',
    env: {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, FLORIN_TRACE_RATIO: '1', OTEL_BSP_SCHEDULE_DELAY: '200' },
      ...{ FLORIN_RATE_LIMITS: 'off', LOG_LEVEL: 'debug', WEBHOOK_PRIVATE_TARGETS: 'allow' },
    },
  });
  await captureEvents(fleet);
  journal = new Journal(fleet.gateway);
  document = await readDocument(fleet.gateway);
  const who = await signUp(journal, planted);
  await useWebhooks(journal, who);
  await pay(journal, who);
  await keepPayees(journal, who);
  await useFactorsAndKeys(journal, who);
  const watched = { ...who, token: await changePasswords(journal, fleet, who) };
  await goThroughEverything(watched);
  await withoutDatabase(() => goThroughEverything(watched));
  await journal.call(`GET /v1/transactions/${plantedPath}`, { headers: { 'x-request-id': plantedPath } });
  places = await collectPlaces();
}, 240_000);
afterAll(async () => {
  await fleet?.stop();
  collector?.close();
});

async function goThroughEverything({ token, account, email }: Watched): Promise<void> {
  await throughEveryField(journal, document, { token, own: { 'acc.own': account, 'email.own': email } });
}

/** Meanwhile no service may read or write its tables: what works otherwise fails with an error of the database. */
async function withoutDatabase(work: () => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: fleet.postgres.url });
  await admin.connect();
  try {
    for (const name of services) await admin.query(`revoke usage on schema ${name} from ${name}`);
    await work();
  } finally {
    for (const name of services) await admin.query(`grant usage on schema ${name} to ${name}`);
    await admin.end();
  }
}

/** Every text that a secret could have got into. */
async function collectPlaces(): Promise<Record<string, string>> {
  const folder = join(fleet.home, 'logs');
  // Traces and lines arrive a moment after the answer, in any order.
  await eventually(
    () => {
      expect(collector.texts.some((text) => text.includes(plantedPath))).toBe(true);
      expect(readFileSync(join(folder, 'gateway.log'), 'utf8').includes(plantedPath)).toBe(true);
    },
    { timeoutMs: 30_000 },
  );
  const logs = readdirSync(folder).map(
    (file) => [`the log ${file}`, readFileSync(join(folder, file), 'utf8')] as const,
  );
  const metrics = fleet.processes.map(
    async ({ name, metrics: url }) => [`the metrics of ${name}`, await (await fetch(url)).text()] as const,
  );
  return {
    ...Object.fromEntries(logs),
    ...Object.fromEntries(await Promise.all(metrics)),
    'the output of the supervisor': fleet.output(),
    'the traces': collector.texts.join('\n'),
    'the events': JSON.stringify(await capturedEvents(fleet)),
  };
}

/** Passwords and keys of the installation itself. */
function settingSecrets(): Canary[] {
  const kept = JSON.parse(readFileSync(join(fleet.home, 'secrets.json'), 'utf8')) as Record<string, string>;
  const named = Object.entries(kept).map(([name, value]) => ({ name: `the secret ${name}`, value }));
  return [...named, { name: "the first admin's password", value: fleet.admin.password }];
}

it('no secret that went in stands in a log, trace, event, metric or answer', () => {
  // The export gives people what is kept of them, cards and accounts too.
  const others = journal.answers.filter(
    ({ call, status }) => !(call.startsWith('GET /v1/me/export') && status === 200),
  );
  const answers = others.map(({ text }) => text).join('\n');
  expect(journal.given.length).toBeGreaterThan(500);
  expect(leaksIn({ ...places, 'the answers': answers }, journal.given)).toEqual([]);
});

it('no secret that was made for somebody stands in a log, trace, event, metric or error', () => {
  const errors = journal.answers.filter(({ status }) => status >= 400).map(({ text }) => text);
  expect(journal.made.length).toBeGreaterThan(15);
  expect(leaksIn({ ...places, 'the errors': errors.join('\n') }, journal.made)).toEqual([]);
});

it('no secret of the installation stands anywhere', () => {
  const answers = journal.answers.map(({ text }) => text).join('\n');
  expect(settingSecrets().length).toBeGreaterThan(8);
  // Who starts a fleet at a terminal is told there how to sign in.
  const told = ["the first admin's password in the output of the supervisor"];
  expect(leaksIn({ ...places, 'the answers': answers }, settingSecrets())).toEqual(told);
});

it('the search sees: what was planted in logs, traces, events and answers is found, and calls failed in every way', () => {
  const canary = { name: 'planted', value: planted };
  const answers = journal.answers.map(({ text }) => text).join('\n');
  expect(leaksIn({ answers, events: places['the events'] ?? '' }, [canary])).toEqual([
    'planted in answers',
    'planted in events',
  ]);
  for (const name of ['gateway', ...services]) {
    expect(places[`the log ${name}.log`]?.split('\n').length, name).toBeGreaterThan(20);
    expect(places[`the metrics of ${name}`], name).toContain('http_request_duration_seconds');
    expect(places['the traces'], name).toContain(`"stringValue":"${name}"`);
  }
  const sent = { log: places['the log gateway.log'] ?? '', traces: places['the traces'] ?? '' };
  expect(leaksIn(sent, [{ name: 'planted', value: plantedPath }])).toEqual(['planted in log', 'planted in traces']);
  expect(places['the traces']).toContain('deliver webhook');
  const statuses = new Set(journal.answers.map(({ status }) => status));
  for (const status of [200, 201, 204, 400, 401, 403, 404, 500]) expect(statuses, `${status}`).toContain(status);
});
