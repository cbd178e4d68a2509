export { AMOUNT_PATTERN, currencyScale, formatAmount, MAX_MINOR_UNITS, MoneyError, parseAmount } from './amounts.ts';
export { currencies, isCurrency } from './currencies.ts';
