import { inverse, type Rational, rational, times } from './rational.ts';

/** Where mid-market rates come from. Another source is another implementation; nothing else changes. */
export interface RateSource {
  /** Units of `buy` for one unit of `sell`, exact and without spread; undefined where it knows no such rate. */
  midRate(sell: string, buy: string): Promise<Rational | undefined>;
}

// Mid rates against the euro for demonstration: a bank puts a live source here.
const perEuro: ReadonlyMap<string, Rational> = new Map(
  Object.entries({
    EUR: '1',
    USD: '1.0850',
    GBP: '0.8560',
    CHF: '0.9420',
    JPY: '163.25',
    SEK: '11.460',
    NOK: '11.780',
    DKK: '7.4600',
    PLN: '4.3150',
    CAD: '1.5120',
    AUD: '1.6540',
    KWD: '0.33310',
  }).map(([currency, rate]) => [currency, rational(rate)]),
);

/** The built-in table of fixed rates. */
export const builtInRates: RateSource = {
  async midRate(sell, buy) {
    const [sellRate, buyRate] = [perEuro.get(sell), perEuro.get(buy)];
    return sellRate && buyRate && times(buyRate, inverse(sellRate));
  },
};
