import { describe, expect, it } from 'vitest';
import { insideUrls } from '../testing/inside-urls.ts';
import { isPublicAddress } from './public-address.ts';
import { hostOf, urlFault } from './target-url.ts';

describe('the URL of an endpoint', () => {
  it.each(insideUrls)('%s is not of the public internet', (url) => {
    expect(urlFault(url, 'refuse')).toEqual(expect.any(String));
  });

  it.each([
    'http://example.com/hook',
    'ftp://example.com/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'gopher://example.com:11211/_',
    'https:',
    'https://',
    'nothing at all',
    'https://user@example.com/',
    'https://user:password@example.com/',
    'https://:password@example.com/',
    'https://example.com@127.0.0.1/',
    'https://127.0.0.1\\@example.com/',
    'https://example.com:99999/',
  ])('%s is refused', (url) => {
    expect(urlFault(url, 'refuse')).toEqual(expect.any(String));
  });

  it.each([
    'https://example.com/hook?token=1',
    'https://example.com:8443/',
    'https://8.8.8.8/',
    'https://1.1.1.1.:444/',
    'https://[2606:4700:4700::1111]/',
    'https://bücher.example/',
    'https://localhost.example.com/',
    'https://internal.example.com/',
    'https://127.0.0.1.example.com/',
  ])('%s is taken', (url) => {
    expect(urlFault(url, 'refuse')).toBeUndefined();
  });

  it('where private targets are allowed, so are http and addresses inside, but no credentials', () => {
    expect(urlFault('http://127.0.0.1:8080/', 'allow')).toBeUndefined();
    expect(urlFault('https://localhost/', 'allow')).toBeUndefined();
    expect(urlFault('http://user:password@127.0.0.1/', 'allow')).toEqual(expect.any(String));
    expect(urlFault('file:///etc/passwd', 'allow')).toEqual(expect.any(String));
  });

  it('control: a list of prefixes as people write it takes half of them', () => {
    const naive = (url: string) => /^https:\/\/(127\.|10\.|192\.168\.|169\.254\.|localhost|\[::1\])/.test(url);
    expect(insideUrls.filter((url) => !naive(url)).length).toBeGreaterThan(insideUrls.length / 2);
  });

  it('a name is looked up without its dots at the end, an IPv6 address without its brackets', () => {
    expect(hostOf(new URL('https://Example.com../'))).toBe('example.com');
    expect(hostOf(new URL('https://[2606:4700::1]:1/'))).toBe('2606:4700::1');
  });
});

describe('an address', () => {
  it.each([
    ['9.255.255.255', '11.0.0.0'],
    ['100.63.255.255', '100.128.0.0'],
    ['126.255.255.255', '128.0.0.0'],
    ['169.253.255.255', '169.255.0.0'],
    ['172.15.255.255', '172.32.0.0'],
    ['192.167.255.255', '192.169.0.0'],
    ['198.17.255.255', '198.20.0.0'],
    ['223.255.255.255', '1.0.0.0'],
    ['2001:200::', '2001:db9::'],
    ['2000::1', '2003::1'],
    ['2606:4700::1', '3ffe::1'],
  ])('beside a closed network is public: %s and %s', (one, other) => {
    expect([isPublicAddress(one), isPublicAddress(other)]).toEqual([true, true]);
  });

  it.each(['', 'example.com', '127.1', '0x7f000001', '8.8.8.8 ', '::ffff:8.8.8.8', '2606:4700::1%eth0', '4000::1'])(
    '%j is not',
    (text) => {
      expect(isPublicAddress(text)).toBe(false);
    },
  );
});
