export { type Access, type AccessDescription, checkAccess, describeAccess } from './access.ts';
export { isApiKeySecret, newApiKeySecret } from './api-key-secret.ts';
export { type AuthOptions, authPlugin } from './auth-plugin.ts';
export { isKeyKnown } from './key-id.ts';
export {
  type Fetch,
  type JsonWebKeySet,
  type KeySource,
  type RemoteKeys,
  type RemoteKeysOptions,
  remoteKeys,
  staticKeys,
} from './keys.ts';
export {
  allRoles,
  allScopes,
  hasRole,
  isApiKey,
  type Principal,
  type ProofMethod,
  proofMethods,
  type Role,
  requireUser,
  type Scope,
  type ServicePrincipal,
  type UserPrincipal,
} from './principal.ts';
export { defaultProofSeconds, isRecentlyProven, proofSettings, requireRecentProof } from './proof.ts';
export { type ServiceTokens, type ServiceTokensOptions, serviceTokens } from './service-tokens.ts';
export { type SignTokenOptions, signToken, tokenTypes } from './sign-token.ts';
