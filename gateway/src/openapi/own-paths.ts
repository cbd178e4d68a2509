import type { PathItem } from './document.ts';

const states = { type: 'string', enum: ['up', 'down'] };

const badRequest = {
  description: 'validation_failed',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

function probe(operationId: string, summary: string, schema: object, unavailable?: string): PathItem {
  const content = { 'application/json': { schema } };
  return {
    get: {
      operationId,
      summary,
      tags: ['gateway'],
      security: [],
      responses: {
        200: { description: 'Yes', content },
        400: badRequest,
        ...(unavailable === undefined ? {} : { 503: { description: unavailable, content } }),
      },
    },
  };
}

const status = { type: 'object', required: ['status'], properties: { status: { type: 'string' } } };
const readiness = {
  ...status,
  properties: {
    ...status.properties,
    checks: { type: 'object', additionalProperties: { type: 'string', enum: ['ok', 'failed'] } },
  },
};
const report = {
  type: 'object',
  required: ['status', 'services'],
  properties: {
    status: { type: 'string', enum: ['ok', 'degraded'] },
    services: { type: 'object', additionalProperties: states },
  },
};

/** What the gateway answers itself. */
export const ownPaths: Readonly<Record<string, PathItem>> = {
  '/health': probe('getHealth', 'State of each service', report, 'At least one service is not ready'),
  '/health/live': probe('isLive', 'Whether the gateway runs', status),
  '/health/ready': probe('isReady', 'Whether the gateway takes requests', readiness, 'Starting, or about to stop'),
};
