import type { ProofMethod, Role, Scope } from '@florin/auth';
import type { IdempotencyKeysTable, OutboxTable } from '@florin/database';
import type { Generated, JSONColumnType } from 'kysely';
import type { MailEnd, MailKind } from './mail/mail.ts';
import type { TokenPurpose } from './one-time-tokens/one-time-token.ts';
import type { ChallengePurpose } from './passkeys/challenge.ts';
import type { RevocationReason } from './sessions/session.ts';
import type { PublicKey } from './tokens/signing-key.ts';
import type { KycLevel, UserStatus } from './users/user.ts';

/** Tables of the schema `identity`, as `migrations/` make them. */
export interface Tables {
  users: UsersTable;
  passwords: PasswordsTable;
  sessions: SessionsTable;
  login_guesses: LoginGuessesTable;
  signing_keys: SigningKeysTable;
  second_factors: SecondFactorsTable;
  recovery_codes: RecoveryCodesTable;
  passkeys: PasskeysTable;
  passkey_handles: PasskeyHandlesTable;
  passkey_challenges: PasskeyChallengesTable;
  api_keys: ApiKeysTable;
  mails: MailsTable;
  one_time_tokens: OneTimeTokensTable;
  audit_log: AuditLogTable;
  audit_pending: AuditPendingTable;
  audit_chain_head: AuditChainHeadTable;
  erasures: ErasuresTable;
  erased_users: ErasedUsersTable;
  erased_tokens: ErasedTokensTable;
  outbox: OutboxTable;
  idempotency_keys: IdempotencyKeysTable;
}

interface UsersTable {
  id: string;
  email: string;
  name: string;
  locale: string;
  roles: Role[];
  status: UserStatus;
  kyc_level: Generated<KycLevel>;
  email_verified_at: Date | null;
  created_at: Date;
  updated_at: Date;
}

interface PasswordsTable {
  user_id: string;
  /** PHC string of argon2id. */
  hash: string;
  changed_at: Date;
}

/** `access_expires_at` is the `exp` of the newest access token; `revoked_at` is of the database's clock, the others of the process's. */
interface SessionsTable {
  id: string;
  user_id: string;
  /** 32 random bytes that go into the session's refresh tokens. Worthless without the key. */
  refresh_seed: Buffer;
  generation: Generated<number>;
  rotated_at: Date;
  last_used_at: Date;
  retried: Generated<boolean>;
  user_agent: string | null;
  /** The client's at the login or the latest refresh. */
  ip: Generated<string | null>;
  created_at: Date;
  access_expires_at: Date;
  expires_at: Date;
  revoked_at: Date | null;
  revoked_for: RevocationReason | null;
  /** When its owner last proved who he is, and how; null: at its beginning. */
  proven_at: Date | null;
  proven_by: Generated<ProofMethod[]>;
}

interface LoginGuessesTable {
  /** HMAC of the email, so that what people type is not kept. */
  email_hash: Buffer;
  failures: number;
  last_guess_at: Date;
  locked_until: Date | null;
  day_started_at: Date;
  day_guesses: number;
}

interface SigningKeysTable {
  kid: string;
  /** PKCS #8, encrypted; null once the key is retired. */
  private_key: Buffer | null;
  public_jwk: JSONColumnType<PublicKey>;
  created_at: Date;
  /** Signs from then on; published since created_at. */
  not_before: Date;
  /** Neither signs nor is published any more. */
  retired_at: Date | null;
}

interface SecondFactorsTable {
  user_id: string;
  /** The base32 secret, encrypted. */
  secret: Buffer;
  created_at: Date;
  /** Null: asked for, but not active yet. */
  confirmed_at: Date | null;
  /** Time step (of 30 s since 1970) of the newest accepted code. */
  last_step: bigint | null;
}

interface RecoveryCodesTable {
  user_id: string;
  code_hash: Buffer;
}

/** Times are of the database's clock. */
interface PasskeysTable {
  id: string;
  user_id: string;
  name: string;
  credential_id: Buffer;
  /** COSE key, RFC 9052. */
  public_key: Buffer;
  /** Of signatures, as far as the authenticator counts them; 0 where it does not. */
  counter: bigint;
  transports: string[];
  /** Whether the authenticator says that a copy of it is kept elsewhere. */
  backed_up: boolean;
  created_at: Generated<Date>;
  last_used_at: Date | null;
}

interface PasskeyHandlesTable {
  user_id: string;
  /** 32 random bytes. */
  handle: Buffer;
}

/** Times are of the database's clock. */
interface PasskeyChallengesTable {
  /** SHA-256 of the challenge. */
  challenge_hash: Buffer;
  purpose: ChallengePurpose;
  /** Null for a login. */
  session_id: string | null;
  expires_at: Date;
}

/** Times are of the process's clock, `last_used_at` and `revoked_at` of the database's. */
interface ApiKeysTable {
  id: string;
  user_id: string;
  name: string;
  scopes: Scope[];
  /** The beginning of the secret, for people to tell keys apart. */
  prefix: string;
  /** SHA-256 of the secret. */
  secret_hash: Buffer;
  /** Addresses and networks; null: any. */
  allowed_ips: string[] | null;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  revoked_at: Date | null;
}

/** Times are of the database's clock. */
interface MailsTable {
  id: string;
  kind: MailKind;
  /** Null while only the address is known, and when it turned out that nobody has it. */
  user_id: string | null;
  /** Where it goes, if not to the user's address of then; forgotten once it has gone. */
  address: string | null;
  state: Generated<'waiting' | MailEnd>;
  attempts: Generated<number>;
  due_at: Generated<Date>;
  created_at: Generated<Date>;
  ended_at: Date | null;
}

interface OneTimeTokensTable {
  /** SHA-256 of the token. */
  token_hash: Buffer;
  purpose: TokenPurpose;
  user_id: string;
  expires_at: Date;
  /** The one that the token proves, where its purpose is to change it. */
  address: string | null;
}

/** Wishes to be erased. Times are of the database's clock. */
interface ErasuresTable {
  user_id: string;
  /** Only the newest attempt has an effect. */
  attempt: bigint;
  requested_by: string;
  ip: string | null;
  requested_at: Date;
  /** Whether somebody is at it, until `due_at` at most. */
  claimed: boolean;
  /** Null: refused. */
  due_at: Date | null;
}

/** What is left of people. */
interface ErasedUsersTable {
  id: string;
  created_at: Date;
  erased_at: Date;
}

/** Sessions and API keys of erased people, while tokens of theirs may still be about. */
interface ErasedTokensTable {
  id: string;
  kind: 'session' | 'api_key';
  revoked_at: Date;
  expires_at: Date;
}

interface AuditEntryColumns {
  id: string;
  at: Date;
  actor: string;
  action: string;
  resource: string;
  details: JSONColumnType<Record<string, unknown>>;
  ip: string | null;
}

/** Append-only for the service. */
interface AuditLogTable extends AuditEntryColumns {
  sequence: bigint;
  previous_hash: Buffer;
  hash: Buffer;
}

interface AuditPendingTable extends AuditEntryColumns {
  position: Generated<bigint>;
}

/** One row: the newest entry of the chain; zeros before the first. */
interface AuditChainHeadTable {
  singleton: Generated<boolean>;
  sequence: bigint;
  hash: Buffer;
}
