import { SettingsError } from '@florin/service';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divideHalfEven, feeOf, parseFees } from './fee.ts';
import { toTransferPolicy } from './transfer-policy.ts';

describe('TRANSFER_FEE', () => {
  test('reads fixed part, share and maximum by currency', () => {
    const rules = parseFees('USD:0.25+0.1%:max=5.00, EUR:0.20,JPY:0.0001%');
    expect(Object.fromEntries(rules)).toEqual({
      USD: { fixed: 25n, millionths: 1000n, max: 500n },
      EUR: { fixed: 20n, millionths: 0n, max: undefined },
      JPY: { fixed: 0n, millionths: 1n, max: undefined },
    });
    expect(parseFees(' , ').size).toBe(0);
    expect(parseFees('USD:100%').get('USD')?.millionths).toBe(1_000_000n);
    expect(parseFees('USD:12%').get('USD')?.millionths).toBe(120_000n);
  });

  test.each([
    'USD',
    'USD:',
    'USD:0',
    'USD:0.001',
    'USD:01.00',
    'USD:-1',
    'USD:1e2',
    'USD:0.1%+0.25',
    'USD:101%',
    'USD:0%',
    'USD:0.00001%',
    'USD:1:max=0',
    'USD:1:min=1',
    'USD:1,USD:2',
    'XYZ:1',
    'usd:1',
    'XUSD:1',
    '1USD:1',
    'USD:100.1%',
    'USD:1.',
    '{"USD":1}',
  ])('%s stops the process with a line that names the setting', (text) => {
    expect(() => parseFees(text)).toThrow(SettingsError);
    expect(() => toTransferPolicy({ TRANSFER_FEE: text })).toThrow(/^TRANSFER_FEE must be/);
  });
});

describe('APPROVAL_THRESHOLD', () => {
  test('reads amounts by currency', () => {
    const { approvalThresholds } = toTransferPolicy({ APPROVAL_THRESHOLD: 'USD:10000.00, JPY:900000' });
    expect(Object.fromEntries(approvalThresholds)).toEqual({ USD: 1_000_000n, JPY: 900_000n });
    expect(toTransferPolicy({}).approvalThresholds.size).toBe(0);
  });

  test.each(['10000', 'USD', 'USD:', 'USD:0', 'USD:1.001', 'XYZ:1', 'USD:1,USD:2', 'USD:-1'])(
    '%s stops the process with a line that names the setting',
    (text) => {
      expect(() => toTransferPolicy({ APPROVAL_THRESHOLD: text })).toThrow(/^APPROVAL_THRESHOLD must be/);
    },
  );
});

describe('a fee', () => {
  test.each([
    [1n, 25n],
    // 0.5 of a cent goes to the even 0, 1.5 to the even 2.
    [500n, 25n],
    [501n, 26n],
    [1_500n, 27n],
    [2_500n, 27n],
    [100_000n, 125n],
    [475_000n, 500n],
    [10n ** 18n, 500n],
  ])('of %s cents is %s', (amount, fee) => {
    expect(feeOf(parseFees('USD:0.25+0.1%:max=5.00'), amount, 'USD')).toBe(fee);
  });

  test('is nothing for a currency without a rule', () => {
    expect(feeOf(parseFees('USD:0.25'), 100n, 'EUR')).toBe(0n);
  });

  test('halves are rounded to even, everything else to the nearest', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 20n), fc.bigInt(1n, 10n ** 6n), (dividend, divisor) => {
        const rounded = divideHalfEven(dividend, divisor);
        const twiceOff = (dividend - rounded * divisor) * 2n;
        expect(twiceOff <= divisor && twiceOff >= -divisor).toBe(true);
        if (twiceOff === divisor || twiceOff === -divisor) expect(rounded % 2n).toBe(0n);
      }),
    );
  });
});
