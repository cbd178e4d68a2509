export { type Access, checkAccess } from './access.ts';
export { isApiKeySecret, newApiKeySecret } from './api-key-secret.ts';
export { type AuthOptions, authPlugin } from './auth-plugin.ts';
export { type JsonWebKeySet, type KeySource, type RemoteKeysOptions, remoteKeys, staticKeys } from './keys.ts';
export {
  allRoles,
  allScopes,
  hasRole,
  isApiKey,
  type Principal,
  type Role,
  requireUser,
  type Scope,
  type ServicePrincipal,
  type UserPrincipal,
} from './principal.ts';
export { type ServiceTokens, type ServiceTokensOptions, serviceTokens } from './service-tokens.ts';
export { type SignTokenOptions, signToken, tokenTypes } from './sign-token.ts';
