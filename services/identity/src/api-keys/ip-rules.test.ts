import { describe, expect, it } from 'vitest';
import { isIpAllowed, isIpRule } from './ip-rules.ts';

describe('isIpRule', () => {
  it.each(['192.0.2.1', '192.0.2.0/24', '0.0.0.0/0', '2001:db8::1', '2001:db8::/32', '::1', '::/0', '10.0.0.1/8'])(
    'takes %s',
    (text) => expect(isIpRule(text)).toBe(true),
  );

  it.each([
    ...['', 'example.com', '192.0.2', '192.0.2.256', '192.0.2.01', '192.0.2.1/33', '192.0.2.1/-1', '192.0.2.1/08'],
    ...[
      '192.0.2.1/',
      '/24',
      '192.0.2.1/24/24',
      '2001:db8::/129',
      'fe80::1%eth0',
      ' 192.0.2.1',
      '192.0.2.1-9',
      '*',
      '::ffff:192.0.2.1',
    ],
  ])('refuses %j', (text) => expect(isIpRule(text)).toBe(false));
});

describe('isIpAllowed', () => {
  it.each<[string, string[], string, boolean]>([
    ['the address', ['192.0.2.1'], '192.0.2.1', true],
    ['another address', ['192.0.2.1'], '192.0.2.2', false],
    ['an address of the network', ['192.0.2.0/24'], '192.0.2.255', true],
    ['one beside the network', ['192.0.2.0/24'], '192.0.3.0', false],
    ['an IPv6 address in another spelling', ['2001:db8::1'], '2001:0db8:0:0:0:0:0:1', true],
    ['an address of the IPv6 network', ['2001:db8::/32'], '2001:db8:ffff::9', true],
    ['one beside the IPv6 network', ['2001:db8::/32'], '2001:db9::', false],
    ['an IPv4 address written as IPv6', ['192.0.2.0/24'], '::ffff:192.0.2.7', true],
    ['an IPv4 address for an IPv6 rule', ['::/0'], '192.0.2.7', false],
    ['the second of two rules', ['198.51.100.0/24', '192.0.2.1'], '192.0.2.1', true],
    ['no rule', [], '192.0.2.1', false],
    ['no address', ['0.0.0.0/0'], 'unknown', false],
    ['a network for an address', ['0.0.0.0/0'], '192.0.2.0/24', false],
  ])('%s', (_, rules, address, allowed) => expect(isIpAllowed(rules, address)).toBe(allowed));
});
