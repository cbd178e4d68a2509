import { type Answer, gatewaySecret, type TestIdentity } from './test-identity.ts';

/** Makes a key; with all fields but a name and a scope left out unless given. */
export function makeKey(
  identity: TestIdentity,
  token: string,
  body: object = {},
  headers: Record<string, string> = {},
): Promise<Answer> {
  const order = { name: 'A program', scopes: ['accounts:read'], ...body };
  return identity.call('POST', '/v1/api-keys', { token, body: order, headers });
}

/** Exchanges a secret as a gateway does. */
export async function exchange(identity: TestIdentity, secret: unknown, ip = '192.0.2.1'): Promise<Answer> {
  const token = await identity.serviceToken('gateway', gatewaySecret);
  return await identity.call('POST', '/internal/api-keys/exchange', { token, body: { secret, ip } });
}
