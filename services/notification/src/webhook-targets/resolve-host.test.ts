import { describe, expect, it } from 'vitest';
import { targetProblem } from './check-target.ts';
import { NameUnknown, resolveBySystem, resolveHost, TargetRefused } from './resolve-host.ts';

const answering = (...addresses: string[]) => ({ privateTargets: 'refuse' as const, resolve: async () => addresses });

describe('where a name leads', () => {
  it('all its addresses, where all are public', async () => {
    expect(await resolveHost('example.com', answering('93.184.216.34', '2606:4700::1'))).toEqual([
      { address: '93.184.216.34', family: 4 },
      { address: '2606:4700::1', family: 6 },
    ]);
  });

  it.each([
    [['127.0.0.1']],
    [['93.184.216.34', '10.0.0.1']],
    [['10.0.0.1', '93.184.216.34']],
    [['93.184.216.34', '::1']],
    [['93.184.216.34', '::ffff:93.184.216.34']],
    [['169.254.169.254']],
    [['nonsense']],
  ])('%j is refused: one of them is not', async (addresses) => {
    await expect(resolveHost('example.com', answering(...addresses))).rejects.toBeInstanceOf(TargetRefused);
  });

  it('a name without an address, or nobody who can be asked', async () => {
    await expect(resolveHost('example.com', answering())).rejects.toBeInstanceOf(NameUnknown);
    const broken = { ...answering(), resolve: () => Promise.reject(new Error('ESERVFAIL')) };
    await expect(resolveHost('example.com', broken)).rejects.toBeInstanceOf(NameUnknown);
  });

  it('an address is not looked up', async () => {
    const rules = { ...answering(), resolve: () => Promise.reject(new Error('asked')) };
    expect(await resolveHost('8.8.8.8', rules)).toEqual([{ address: '8.8.8.8', family: 4 }]);
    await expect(resolveHost('127.0.0.1', rules)).rejects.toBeInstanceOf(TargetRefused);
  });

  it('in development the system is asked, and may say anything', async () => {
    const found = await resolveHost('localhost', { privateTargets: 'allow', resolve: resolveBySystem });
    expect(found).toContainEqual({ address: '127.0.0.1', family: 4 });
  });
});

describe('the URL of a new endpoint', () => {
  const refused = { code: 'webhook_url_not_allowed', statusCode: 422 };

  it('422 where the name leads inside, or the text itself does', async () => {
    expect(await targetProblem('https://example.com/', answering('10.0.0.1'))).toMatchObject(refused);
    expect(await targetProblem('https://127.0.0.1/', answering())).toMatchObject(refused);
    expect(await targetProblem('http://example.com/', answering('93.184.216.34'))).toMatchObject(refused);
  });

  it('taken where it leads outside, nobody knows the name yet, or nobody answers', async () => {
    expect(await targetProblem('https://example.com/', answering('93.184.216.34'))).toBeUndefined();
    expect(await targetProblem('https://example.com/', answering())).toBeUndefined();
    const silent = { ...answering(), resolve: () => new Promise<never>(() => {}) };
    expect(await targetProblem('https://example.com/', silent)).toBeUndefined();
  });
});
