import type { PathItem } from './document.ts';

const states = { type: 'string', enum: ['up', 'down'] };

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
        ...(unavailable === undefined ? {} : { 503: { description: unavailable, content } }),
      },
    },
  };
}

const status = { type: 'object', required: ['status'], properties: { status: { type: 'string' } } };
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
  '/health/ready': probe('isReady', 'Whether the gateway takes requests', status, 'Starting, or about to stop'),
};
