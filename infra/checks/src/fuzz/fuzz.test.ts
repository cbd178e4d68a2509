import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type FuzzReport, fuzz } from './fuzz.ts';
import type { Document } from './operations.ts';
import { requestsOf } from './requests.ts';
import type { World } from './world.ts';

const thing = { type: 'object', required: ['id'], properties: { id: { type: 'string' }, at: { format: 'date-time' } } };
const Problem = {
  type: 'object',
  required: ['code', 'status'],
  properties: { code: { type: 'string' }, status: { type: 'integer' } },
};
const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
const operation = {
  parameters: [
    { name: 'id', in: 'path', schema: { type: 'string', pattern: '^acc_[0-7][0-9a-hjkmnp-tv-z]{25}$' } },
    { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 100 } },
  ],
  requestBody: {
    content: {
      'application/json': {
        schema: {
          type: 'object',
          required: ['amount'],
          properties: { amount: { type: 'string', pattern: '^[0-9]{1,5}$' } },
          additionalProperties: false,
        },
      },
    },
  },
  responses: {
    200: { description: 'Done', content: { 'application/json': { schema: thing } } },
    204: { description: 'Gone' },
    401: { description: 'unauthenticated', content: problem },
    422: { description: 'insufficient_funds, same_account', content: problem },
    default: { description: 'Any other error', content: problem },
  },
} as const;

/** What a call of that name answers with; each but the first two breaks what the document says. */
const planted: Record<string, readonly [status: number, type: string, body: unknown]> = {
  sound: [200, 'application/json', { id: 'a', at: '2026-11-20T12:00:00.000Z' }],
  refused: [422, 'application/problem+json', { code: 'same_account', status: 422 }],
  crashes: [500, 'application/problem+json', { code: 'internal_error', status: 500 }],
  lacks: [200, 'application/json', {}],
  leaks: [200, 'application/json', { id: 'a', secret: 'b' }],
  mistimes: [200, 'application/json', { id: 'a', at: 'yesterday' }],
  plain: [200, 'text/html', '<html>'],
  garbled: [200, 'application/json', undefined],
  invented: [418, 'application/problem+json', { code: 'teapot', status: 418 }],
  uncoded: [422, 'application/problem+json', { code: 'limit_exceeded', status: 422 }],
  contradicts: [422, 'application/problem+json', { code: 'same_account', status: 400 }],
};

const document: Document = {
  paths: Object.fromEntries(Object.keys(planted).map((name) => [`/v1/${name}/{id}`, { post: operation }])),
  components: { schemas: { Problem } },
};
const world: World = {
  fill: (text) => text.replaceAll(/[{}]/g, ''),
  token: (caller) => (caller === 'nobody' ? undefined : 'token'),
  signIn: async () => undefined,
  renew: async () => undefined,
};

const upstream: RequestListener = ({ url = '', headers }, response) => {
  const name = url.split('/')[2] ?? '';
  const [status, type, body] = planted[name] ?? [404, 'text/plain', ''];
  // One call forgets to ask who it is.
  if (headers.authorization !== 'Bearer token' && name !== 'leaks') {
    response.writeHead(401, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ code: 'unauthenticated', status: 401 }));
    return;
  }
  response.writeHead(status, { 'content-type': type }).end(body === undefined ? '{' : JSON.stringify(body));
};

const server = createServer(upstream);
let url: string;
let report: FuzzReport;
beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  report = await fuzz({ url, document, world, seed: 1, requests: 1_000 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('reports every planted break of the document, and nothing of what keeps to it', () => {
  const found = report.findings.map(({ call, kind }) => `${call.split('/')[2]}: ${kind}`).sort();
  expect(found).toEqual([
    'contradicts: the problem says 400',
    'crashes: 500',
    'garbled: a body that is no JSON',
    'invented: 418 is not documented',
    'lacks: body breaks its schema: #/required id',
    'leaks: 200 for nobody',
    'leaks: body breaks its schema: #/additionalProperties secret',
    'mistimes: body breaks its schema: #/properties/at/format ',
    'plain: content type text/html is not documented',
    'uncoded: code limit_exceeded is not documented',
  ]);
  expect(report.sent).toBe(1_000);
  expect(report.neverDone).toContain('POST /v1/crashes/{id}');
  expect(report.neverDone).not.toContain('POST /v1/sound/{id}');
});

it('names the first request of a finding, which the seed gives again at that place', () => {
  const [finding] = report.findings;
  const again = fc.sample(requestsOf(document), { seed: 1, numRuns: 500 });
  expect(finding && again[finding.index]).toEqual(finding?.request);
  expect(finding?.times).toBeGreaterThan(1);
});

it('the requests of findings, sent again alone, show each of them again', async () => {
  const only = report.findings.map(({ request }) => request);
  const again = await fuzz({ url, document, world, seed: 1, requests: only.length, only });
  const kinds = ({ findings }: FuzzReport) => findings.map(({ call, kind }) => `${call} ${kind}`).sort();
  expect(again.sent).toBe(only.length);
  expect(kinds(again)).toEqual(kinds(report));
});

it('makes valid and broken requests of every kind', () => {
  const sample = fc.sample(requestsOf(document), { seed: 2, numRuns: 2_000 });
  const bodies = sample.map(({ body }) => body?.text ?? '');
  expect(bodies.filter((text) => /^\{"amount":"\d{1,5}"\}$/.test(text)).length).toBeGreaterThan(400);
  const kinds = [
    /__proto__/,
    /\\u0000/,
    /\\ud800/,
    /x{300}/,
    /\u00ff\u00fe/,
    /"amount":\d/,
    /^\[/,
    /^$/,
    /[^}]$/,
    /y{70000}/,
  ];
  expect(kinds.filter((kind) => !bodies.some((text) => kind.test(text)))).toEqual([]);
  const paths = sample.map(({ path }) => path);
  const forms = [
    /\{\{acc\.own\}\}/,
    /\{\{acc\.others\}\}/,
    /\{\{acc\.missing\}\}/,
    /%00/,
    /\.\./,
    /limit=100/,
    /unknown=1/,
  ];
  expect(forms.filter((form) => !paths.some((path) => form.test(path)))).toEqual([]);
  expect(new Set(sample.map(({ caller }) => caller)).size).toBe(4);
});
