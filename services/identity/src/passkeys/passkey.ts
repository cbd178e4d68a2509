import { formatId } from '@florin/service';

/** Passkeys that one user can have. */
export const mostPasskeys = 20;

/** A passkey as its owner sees it. */
export interface Passkey {
  /** uuid */
  id: string;
  name: string;
  /** Whether its authenticator keeps a copy elsewhere, so that it survives the loss of a device. */
  backedUp: boolean;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** A passkey with what its signatures are checked with. */
export interface StoredPasskey {
  /** uuid */
  id: string;
  /** COSE key. */
  publicKey: Buffer;
  /** Signatures so far, 0 where the authenticator does not count. */
  counter: bigint;
  /** What the authenticator knows its user by. */
  userHandle: Buffer;
}

/** A passkey to store. */
export interface NewPasskey {
  id: string;
  name: string;
  credentialId: Buffer;
  publicKey: Buffer;
  counter: bigint;
  transports: string[];
  backedUp: boolean;
}

/** Shows a passkey. */
export function viewPasskey({ id, name, backedUp, createdAt, lastUsedAt }: Passkey) {
  return {
    id: formatId('pky', id),
    name,
    backedUp,
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
  };
}
