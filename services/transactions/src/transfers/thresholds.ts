import { isCurrency, MoneyError, parseAmount } from '@florin/money';
import { SettingsError } from '@florin/service';

/** By currency: an amount above which something is asked for. Minor units. A currency that is not in it has none. */
export type Thresholds = ReadonlyMap<string, bigint>;

/** Reads the setting `name`, such as `USD:10000.00,EUR:9000`; the empty text is no threshold. @throws {SettingsError} */
export function parseThresholds(name: string, text: string): Thresholds {
  const thresholds = new Map<string, bigint>();
  for (const part of text.split(',').filter((part) => part.trim() !== '')) {
    const [, currency = '', amount = ''] =
      /^([A-Z]{3,4}):((?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?)$/.exec(part.trim()) ?? [];
    if (!isCurrency(currency) || thresholds.has(currency)) throw notThresholds(name, part);
    try {
      thresholds.set(currency, parseAmount(amount, currency));
    } catch (error) {
      throw error instanceof MoneyError ? notThresholds(name, part) : error;
    }
  }
  return thresholds;
}

function notThresholds(name: string, part: string): SettingsError {
  return new SettingsError(`${name} must be amounts such as USD:10000.00,EUR:9000; see ${part.trim()}`);
}
