import { randomBytes } from 'node:crypto';
import { newUuid } from '@florin/service';
import { describe, expect, it } from 'vitest';
import { isGenuine, makeRefreshToken, type RefreshToken, readRefreshToken } from './refresh-token.ts';

const key = randomBytes(32);
const session = { id: newUuid(), seed: randomBytes(32) };

function read(text: string): RefreshToken {
  const token = readRefreshToken(text);
  if (token === undefined) throw new Error('not read');
  return token;
}

describe('refresh tokens', () => {
  it('is read back, is the same each time it is made, and differs by generation', () => {
    const text = makeRefreshToken(key, session, 7);
    expect(text).toMatch(/^flr_[\w-]{70}$/);
    expect(read(text)).toMatchObject({ sessionId: session.id, generation: 7 });
    expect(isGenuine(key, session.seed, read(text))).toBe(true);
    expect(makeRefreshToken(key, session, 7)).toBe(text);
    expect(makeRefreshToken(key, session, 8)).not.toBe(text);
  });

  it('is not genuine with another key, another seed, another generation or another session', () => {
    const token = read(makeRefreshToken(key, session, 7));
    expect(isGenuine(randomBytes(32), session.seed, token)).toBe(false);
    expect(isGenuine(key, randomBytes(32), token)).toBe(false);
    expect(isGenuine(key, session.seed, { ...token, generation: 8 })).toBe(false);
    expect(isGenuine(key, session.seed, { ...token, sessionId: newUuid() })).toBe(false);
  });

  it('has one spelling', () => {
    const text = makeRefreshToken(key, session, 7);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = text.at(-1) ?? '';
    const others = [...alphabet]
      .filter((character) => character !== last)
      .map((character) => text.slice(0, -1) + character);
    expect(others.filter((other) => readRefreshToken(other)?.mac.equals(read(text).mac))).toEqual([]);
    for (const wrong of ['', 'flr_', text.slice(1), `${text}A`, ` ${text}`, `${text}=`, text.replace('flr_', 'flk_')]) {
      expect(readRefreshToken(wrong)).toBeUndefined();
    }
  });
});
