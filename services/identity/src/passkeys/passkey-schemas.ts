import { body } from '@florin/service';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import Type, { type Static } from 'typebox';

const longest = 16_384;

/** Bytes as the Web Authentication API writes them in JSON: base64url without padding. */
const bytes = (maxLength = longest) => Type.String({ minLength: 1, maxLength, pattern: '^[A-Za-z0-9_-]+$' });

/** Credential ids have 16 to 1023 bytes. */
const credentialId = Type.String({ minLength: 22, maxLength: 1364, pattern: '^[A-Za-z0-9_-]+$' });

const frame = {
  id: credentialId,
  rawId: credentialId,
  type: Type.Literal('public-key'),
  authenticatorAttachment: Type.Optional(Type.Union([Type.String({ maxLength: 32 }), Type.Null()])),
  clientExtensionResults: Type.Optional(
    Type.Object({}, { additionalProperties: true, description: 'Nothing in it is looked at' }),
  ),
};

/** `PublicKeyCredential.toJSON()` after a registration. */
export const registrationSchema = body({
  ...frame,
  response: body({
    clientDataJSON: bytes(),
    attestationObject: bytes(),
    transports: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z-]{1,32}$' }), { maxItems: 10 })),
    authenticatorData: Type.Optional(bytes()),
    publicKey: Type.Optional(Type.Union([bytes(), Type.Null()])),
    publicKeyAlgorithm: Type.Optional(Type.Integer()),
  }),
});

/** `PublicKeyCredential.toJSON()` after a login or step-up. */
export const assertionSchema = body({
  ...frame,
  response: body({
    clientDataJSON: bytes(),
    authenticatorData: bytes(),
    signature: bytes(),
    userHandle: Type.Optional(Type.Union([bytes(128), Type.Null()])),
  }),
});

/** What a browser sends of a new passkey. */
export type Registration = Static<typeof registrationSchema>;

/** What a browser sends of a passkey that was used. */
export type Assertion = Static<typeof assertionSchema>;

const descriptors = Type.Array(
  Type.Object({
    id: Type.String(),
    type: Type.Literal('public-key'),
    transports: Type.Optional(Type.Array(Type.String())),
  }),
);

const creationOptions = Type.Object({
  rp: Type.Object({ id: Type.String(), name: Type.String() }),
  user: Type.Object({ id: Type.String(), name: Type.String(), displayName: Type.String() }),
  challenge: Type.String(),
  pubKeyCredParams: Type.Array(Type.Object({ type: Type.Literal('public-key'), alg: Type.Integer() })),
  timeout: Type.Integer({ description: 'Milliseconds' }),
  excludeCredentials: descriptors,
  authenticatorSelection: Type.Object({
    residentKey: Type.String(),
    requireResidentKey: Type.Boolean(),
    userVerification: Type.String(),
  }),
  attestation: Type.String(),
});

/** For `PublicKeyCredential.parseCreationOptionsFromJSON()`. The library's type leaves open what it always fills in. */
export const creationOptionsSchema = Type.Unsafe<PublicKeyCredentialCreationOptionsJSON>(creationOptions);

const requestOptions = Type.Object({
  rpId: Type.String(),
  challenge: Type.String(),
  timeout: Type.Integer({ description: 'Milliseconds' }),
  userVerification: Type.String(),
  allowCredentials: Type.Optional(descriptors),
});

/** For `PublicKeyCredential.parseRequestOptionsFromJSON()`. */
export const requestOptionsSchema = Type.Unsafe<PublicKeyCredentialRequestOptionsJSON>(requestOptions);
