import { generateSync } from 'otplib';
import { type Answer, password, type TestIdentity, type Visitor } from './test-identity.ts';

/** A visitor with an active second factor. */
export interface GuardedVisitor extends Visitor {
  secret: string;
  recoveryCodes: string[];
}

/** The app's code, for the time step so many steps from now. */
export function codeAt(secret: string, stepsFromNow = 0): string {
  return generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) + stepsFromNow * 30 });
}

/** A code of six digits that the app does not show around now. */
export function wrongCode(secret: string): string {
  const right = [-2, -1, 0, 1, 2].map((steps) => codeAt(secret, steps));
  return ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !right.includes(code)) ?? '';
}

/** Registers someone and turns the second factor on; every code of the app is unused afterwards. */
export async function guardedVisitor(identity: TestIdentity): Promise<GuardedVisitor> {
  const visitor = await identity.visitor();
  const token = visitor.tokens.accessToken;
  const begun = await identity.call('POST', '/v1/me/mfa/totp', { token });
  const secret = String(begun.body.secret);
  const confirmed = await identity.call('POST', '/v1/me/mfa/totp/confirm', { token, body: { otp: codeAt(secret) } });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  await forgetUsedCodes(identity);
  return { ...visitor, secret, recoveryCodes: confirmed.body.recoveryCodes as string[] };
}

/** As if time had passed: no code of the app counts as used. */
export async function forgetUsedCodes(identity: TestIdentity): Promise<void> {
  await identity.db.updateTable('second_factors').set({ last_step: null }).execute();
}

/** Logs in with a code. */
export function logInWith(identity: TestIdentity, email: string, otp: string, secret = password): Promise<Answer> {
  return identity.call('POST', '/v1/auth/login', { body: { email, password: secret, otp } });
}
