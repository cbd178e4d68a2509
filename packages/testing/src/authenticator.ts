import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { cbor } from './cbor.ts';

/** What a server asks a browser for when a passkey is to be made, as far as an authenticator looks at it. */
export interface CreationRequest {
  rp: { id?: string };
  user: { id: string };
  challenge: string;
}

/** What a server asks a browser for when a passkey is to be used. */
export interface UseRequest {
  rpId?: string;
  challenge: string;
  allowCredentials?: { id: string }[];
}

/** How the answer differs from that of an honest browser and authenticator. */
export interface Tampering {
  origin?: string;
  /** The domain that the authenticator signs for. */
  rpId?: string;
  challenge?: string;
  /** Of the client data: `webauthn.create`, `webauthn.get`. */
  type?: string;
  crossOrigin?: boolean;
  /** Whether the authenticator has made sure who uses it. */
  userVerified?: boolean;
  counter?: number;
  userHandle?: string;
  /** The id that the answer is given under; its key stays. */
  credentialId?: string;
  /** `self`: signed with the new key; `certificate`: with something that calls itself a certificate. */
  attestation?: 'none' | 'self' | 'certificate';
}

/** A browser with an authenticator in software: makes real WebAuthn messages (ES256), as JSON. */
export interface SoftwareAuthenticator {
  /** As `navigator.credentials.create()`, in JSON. */
  create(request: CreationRequest, tampering?: Tampering): RegistrationMessage;
  /** As `navigator.credentials.get()`, in JSON, with the newest passkey that fits. */
  use(request: UseRequest, tampering?: Tampering): AssertionMessage;
}

/** What a browser sends of a new passkey. */
export interface RegistrationMessage {
  id: string;
  rawId: string;
  type: 'public-key';
  authenticatorAttachment: string;
  clientExtensionResults: object;
  response: { clientDataJSON: string; attestationObject: string; transports: string[] };
}

/** What a browser sends of a passkey that was used. */
export interface AssertionMessage {
  id: string;
  rawId: string;
  type: 'public-key';
  authenticatorAttachment: string;
  clientExtensionResults: object;
  response: { clientDataJSON: string; authenticatorData: string; signature: string; userHandle: string };
}

interface HeldKey {
  id: string;
  rpId: string;
  userHandle: string;
  privateKey: KeyObject;
  counter: number;
}

const [userPresent, userVerified, keyAttached] = [0x01, 0x04, 0x40];

/** `origin`: of the page that it runs in. `counts`: whether it counts its signatures, as security keys do. */
export function softwareAuthenticator({
  origin,
  counts = false,
}: {
  origin: string;
  counts?: boolean;
}): SoftwareAuthenticator {
  const keys: HeldKey[] = [];

  function create(request: CreationRequest, tampering: Tampering = {}): RegistrationMessage {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const id = tampering.credentialId ?? randomBytes(32).toString('base64url');
    const rpId = tampering.rpId ?? request.rp.id ?? '';
    keys.push({ id, rpId, userHandle: request.user.id, privateKey, counter: 0 });
    const clientData = clientDataOf({ type: 'webauthn.create', challenge: request.challenge, origin, ...tampering });
    const data = authenticatorData(rpId, tampering.counter ?? 0, tampering, attestedKey(id, publicKey));
    const statement = attestation(tampering.attestation ?? 'none', signed(privateKey, data, clientData));
    const attestationObject = cbor(new Map<string, unknown>([...statement, ['authData', data]]));
    return {
      ...frame(id),
      response: {
        clientDataJSON: clientData.toString('base64url'),
        attestationObject: attestationObject.toString('base64url'),
        transports: ['internal'],
      },
    };
  }

  function use(request: UseRequest, tampering: Tampering = {}): AssertionMessage {
    const allowed = request.allowCredentials?.map(({ id }) => id);
    const key = keys.findLast(({ id, rpId }) => rpId === request.rpId && (allowed?.includes(id) ?? true));
    if (key === undefined) throw new Error('The authenticator has no passkey for this');
    if (counts) key.counter += 1;
    const clientData = clientDataOf({ type: 'webauthn.get', challenge: request.challenge, origin, ...tampering });
    const data = authenticatorData(tampering.rpId ?? key.rpId, tampering.counter ?? key.counter, tampering);
    return {
      ...frame(tampering.credentialId ?? key.id),
      response: {
        clientDataJSON: clientData.toString('base64url'),
        authenticatorData: data.toString('base64url'),
        signature: signed(key.privateKey, data, clientData).toString('base64url'),
        userHandle: tampering.userHandle ?? key.userHandle,
      },
    };
  }

  return { create, use };
}

function frame(id: string) {
  const rest = { authenticatorAttachment: 'platform', clientExtensionResults: { credProps: { rk: true } } };
  return { id, rawId: id, type: 'public-key' as const, ...rest };
}

function clientDataOf(given: Tampering & { type: string; challenge: string; origin: string }): Buffer {
  const { type, challenge, origin, crossOrigin = false } = given;
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin }));
}

/** WebAuthn, 6.1. */
function authenticatorData(rpId: string, counter: number, tampering: Tampering, key?: Buffer): Buffer {
  const flags = userPresent | (tampering.userVerified === false ? 0 : userVerified) | (key ? keyAttached : 0);
  const head = Buffer.alloc(37);
  createHash('sha256').update(rpId).digest().copy(head);
  head.writeUInt8(flags, 32);
  head.writeUInt32BE(counter, 33);
  return key ? Buffer.concat([head, key]) : head;
}

/** WebAuthn, 6.5.1: AAGUID of zeros, id, and the key as COSE (RFC 9053) writes one for ES256. */
function attestedKey(id: string, publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const rawId = Buffer.from(id, 'base64url');
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rawId.length);
  const coseKey = new Map<number, unknown>([
    [1, 2],
    [3, -7],
    [-1, 1],
    [-2, Buffer.from(x, 'base64url')],
    [-3, Buffer.from(y, 'base64url')],
  ]);
  return Buffer.concat([Buffer.alloc(16), length, rawId, cbor(coseKey)]);
}

function attestation(kind: 'none' | 'self' | 'certificate', signature: Buffer): [string, unknown][] {
  if (kind === 'none')
    return [
      ['fmt', 'none'],
      ['attStmt', new Map()],
    ];
  const statement = new Map<string, unknown>([
    ['alg', -7],
    ['sig', signature],
  ]);
  if (kind === 'certificate') statement.set('x5c', [Buffer.from('no certificate')]);
  return [
    ['fmt', 'packed'],
    ['attStmt', statement],
  ];
}

function signed(key: KeyObject, data: Buffer, clientData: Buffer): Buffer {
  return sign('sha256', Buffer.concat([data, createHash('sha256').update(clientData).digest()]), key);
}
