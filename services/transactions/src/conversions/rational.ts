/** An exact fraction. The denominator is greater than zero. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** Reads a plain decimal, such as `"1.0850"`. @throws {RangeError} for any other text */
export function rational(decimal: string): Rational {
  const [, whole = '', fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(decimal) ?? [];
  if (whole === '') throw new RangeError(`${decimal} is not a plain decimal`);
  return { numerator: BigInt(whole + fraction), denominator: 10n ** BigInt(fraction.length) };
}

/** The product. */
export function times(a: Rational, b: Rational): Rational {
  return { numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator };
}

/** One divided by it. @throws {RangeError} for zero */
export function inverse({ numerator, denominator }: Rational): Rational {
  if (numerator <= 0n) throw new RangeError('Only what is greater than zero has an inverse here');
  return { numerator: denominator, denominator: numerator };
}

/** The nearest whole number; halfway between two, the even one. For fractions that are not negative. */
export function roundHalfEven({ numerator, denominator }: Rational): bigint {
  const whole = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice > denominator || (twice === denominator && whole % 2n === 1n)) return whole + 1n;
  return whole;
}

/** As a decimal with so many places, rounded half to even, without trailing zeros. */
export function decimalText(value: Rational, places: number): string {
  const scaled = roundHalfEven(times(value, { numerator: 10n ** BigInt(places), denominator: 1n }));
  const digits = scaled.toString().padStart(places + 1, '0');
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, '');
}
