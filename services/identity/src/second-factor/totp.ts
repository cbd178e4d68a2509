import { generateSecret, generateURI, verifySync } from 'otplib';

const period = 30;
const digits = 6;
const form = /^\d{6}$/;

/** A new secret: 160 random bits in base32. */
export function newTotpSecret(): string {
  return generateSecret({ length: 20 });
}

/** What an authenticator app reads from a QR code: RFC 6238 with SHA-1, six digits and steps of 30 s, as all of them can. */
export function otpauthUri(email: string, secret: string): string {
  return generateURI({ issuer: 'Florin', label: email, secret, digits, period });
}

/** Whether a text may be a code of an authenticator app; it is a recovery code otherwise. */
export function looksLikeTotp(otp: string): boolean {
  return form.test(otp);
}

/**
 * The time step whose code this is: the present one, the one before or the one after, for clocks that differ.
 * Undefined for any other code, and for those of steps up to `lastStep`, which have been used. `now` in ms since 1970.
 */
export function acceptedStep(
  secret: string,
  otp: string,
  now: number,
  lastStep: number | undefined,
): number | undefined {
  if (!looksLikeTotp(otp)) return undefined;
  const epoch = Math.floor(now / 1000);
  // The library throws for a last step that lies beyond the window: the clock was set back.
  if (lastStep !== undefined && lastStep > Math.floor(epoch / period)) return undefined;
  const result = verifySync({
    secret,
    token: otp,
    epoch,
    period,
    digits,
    epochTolerance: period,
    ...(lastStep !== undefined && { afterTimeStep: lastStep }),
  });
  return result.valid && 'timeStep' in result ? result.timeStep : undefined;
}
