/**
 * Minor units per currency: ISO 4217 list one, without the codes that have none (metals, bond units, testing),
 * and the two crypto currencies that Florin's rails know.
 */
const twoDecimals =
  'AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY ' +
  'COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS ' +
  'INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR ' +
  'MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP ' +
  'STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG';
const noDecimals = 'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF';
const threeDecimals = 'BHD IQD JOD KWD LYD OMR TND';
const fourDecimals = 'CLF UYW';

const scales = new Map<string, number>([
  ...twoDecimals.split(' ').map((code) => [code, 2] as const),
  ...noDecimals.split(' ').map((code) => [code, 0] as const),
  ...threeDecimals.split(' ').map((code) => [code, 3] as const),
  ...fourDecimals.split(' ').map((code) => [code, 4] as const),
  ['XLM', 7],
  ['HBAR', 8],
]);

/** Every currency that an account can be held in, in alphabetical order. */
export const currencies: readonly string[] = [...scales.keys()].sort();

/** Whether an account can be held in this currency. Codes are upper case. */
export function isCurrency(code: string): boolean {
  return scales.has(code);
}

/** Decimals of the currency's minor unit, 0..8. Undefined for an unknown code. */
export function scaleOf(code: string): number | undefined {
  return scales.get(code);
}
