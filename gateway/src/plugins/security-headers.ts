import helmet from '@fastify/helmet';
import Fastify from 'fastify';

/** What the gateway says on every answer; a service's own values for these are dropped. Lower case. */
export const securityHeaderNames: ReadonlySet<string> = new Set([
  'content-security-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'origin-agent-cluster',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
]);

/**
 * The security headers as helmet sets them. They are the same for every answer of the API, so helmet is asked once, at
 * the start: as a hook it would compute them anew for each request, and miss those that no hook sees.
 */
export async function securityHeaders(): Promise<Record<string, string>> {
  const asked = Fastify();
  await asked.register(helmet, {
    // A browser that opens an answer of the API runs and loads nothing.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    xFrameOptions: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
  asked.get('/', async () => '');
  const { headers } = await asked.inject('/');
  await asked.close();
  const set = Object.entries(headers).filter(([name]) => securityHeaderNames.has(name));
  return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
}
