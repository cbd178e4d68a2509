import type { FastifyInstance } from 'fastify';
import { sendProblem } from './errors.ts';
import { problem } from './problems.ts';

interface KnownPath {
  pattern: RegExp;
  methods: Set<string>;
}

function segmentPattern(segment: string): string {
  if (segment === '*') return '.*';
  const parts = segment.split(/(:[A-Za-z0-9_]+(?:\([^)]*\))?\??)/);
  return parts.map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))).join('');
}

/** Matches the paths that a Fastify route pattern serves; regular expressions of parameters are not looked at. */
export function pathPattern(url: string): RegExp {
  return new RegExp(`^${url.split('/').map(segmentPattern).join('/')}$`);
}

/** Unknown paths are 404; known paths with another method 405 with `Allow`. Call before any route is added. */
export function installNotFound(app: FastifyInstance): void {
  const paths = new Map<string, KnownPath>();
  app.addHook('onRoute', ({ url, method }) => {
    // A route for everything, such as CORS has, says nothing about a path.
    if (url === '*') return;
    const known = paths.get(url) ?? { pattern: pathPattern(url), methods: new Set() };
    for (const one of [method].flat()) known.methods.add(one);
    paths.set(url, known);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = [...paths.values()]
      .filter(({ pattern }) => pattern.test(path))
      .flatMap((known) => [...known.methods]);
    if (methods.length === 0 || methods.includes(request.method)) {
      return sendProblem(problem('not_found', 'There is nothing here.'), request, reply);
    }
    const allow = [...new Set(methods)].sort().join(', ');
    reply.header('Allow', allow);
    return sendProblem(problem('method_not_allowed', `This path takes ${allow}.`), request, reply);
  });
}
