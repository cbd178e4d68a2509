/** Whether an IBAN, without blanks, has the check digits that its other characters ask for (ISO 7064, mod 97-10). */
export function hasIbanCheckDigits(iban: string): boolean {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    // Letters count as two digits, A as 10 to Z as 35.
    const value = Number.parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
