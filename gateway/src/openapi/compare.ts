import { isDeepStrictEqual } from 'node:util';
import { describeAccess } from '@florin/auth';
import type { GatewayRoute, RouteAccess } from '../routes.ts';
import { type UpstreamName, upstreamNames } from '../upstreams.ts';
import type { OpenApiDocument, Operation } from './document.ts';

/** What an operation says of who may call. */
interface Asked {
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly 'x-roles'?: readonly string[];
  readonly 'x-api-keys'?: boolean;
  readonly 'x-step-up'?: boolean;
}

function inWords(asked: Asked): string {
  const { security, 'x-roles': roles, 'x-api-keys': apiKeys, 'x-step-up': stepUp } = asked;
  if (security?.length === 0) return 'anyone';
  if (security === undefined || apiKeys === undefined) return 'nothing that it documents';
  const scopes = security[0]?.bearer ?? [];
  return [
    scopes.length > 0 ? `users with the scopes ${scopes.join(', ')}` : 'users',
    ...(roles ? [`of a role of ${roles.join(', ')}`] : []),
    ...(stepUp ? ['who have just proven who they are'] : []),
    apiKeys ? 'API keys too' : 'no API keys',
  ].join(', ');
}

function comparable({ security, 'x-roles': roles, 'x-api-keys': apiKeys, ...others }: Asked): unknown {
  const scopes = security?.map(({ bearer = [] }) => bearer.toSorted());
  return { scopes, roles: roles?.toSorted(), apiKeys, stepUp: others['x-step-up'] === true };
}

/** As the access control of a service would describe what the row says. */
function describeRow(access: RouteAccess): Asked {
  if (access === 'public') return describeAccess(access);
  const { stepUp = false, ...others } = access;
  // How long a proof is recent is the service's to say, and in no document.
  return describeAccess({ ...others, ...(stepUp && { provenWithinSeconds: 0 }) });
}

/** What a row of the table and the operation of its service say differently of who may call; undefined when nothing. */
export function accessFault(route: GatewayRoute, operation: Operation): string | undefined {
  const asked = describeRow(route.access);
  if (isDeepStrictEqual(comparable(asked), comparable(operation))) return undefined;
  const call = `${route.method} ${route.path}`;
  return `${call}: the table says ${inWords(asked)}; ${route.upstream} checks ${inWords(operation)}`;
}

/** Calls that a service documents for the public and that have no row in the table. */
export function callsWithoutRow(
  routes: readonly GatewayRoute[],
  documents: Readonly<Record<UpstreamName, OpenApiDocument>>,
): string[] {
  const rows = new Set(routes.map(({ upstream, method, path }) => `${upstream} ${method} ${path}`));
  return upstreamNames
    .flatMap((upstream) =>
      Object.entries(documents[upstream].paths).flatMap(([path, item]) =>
        Object.keys(item).map((method) => `${upstream} ${method.toUpperCase()} ${path}`),
      ),
    )
    .filter((call) => !/^\S+ \S+ \/internal\//.test(call) && !rows.has(call));
}
