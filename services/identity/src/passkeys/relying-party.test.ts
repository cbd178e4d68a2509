import { SettingsError } from '@florin/service';
import { describe, expect, it } from 'vitest';
import { readEnv } from '../config.ts';
import { toRelyingParty } from './relying-party.ts';

const PUBLIC_APP_URL = 'https://bank.example.com/app/';
const needed = {
  DATABASE_URL: 'postgres://identity@localhost/florin',
  BUS_URL: 'amqp://localhost',
  KEY_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
  SERVICE_CLIENTS: 'gateway:a-secret-of-the-gateway',
};

describe('WEBAUTHN_RP_ID and WEBAUTHN_ORIGINS', () => {
  it('follow from PUBLIC_APP_URL unless set', () => {
    expect(toRelyingParty({ PUBLIC_APP_URL })).toEqual({
      name: 'Florin',
      id: 'bank.example.com',
      origins: ['https://bank.example.com'],
    });
    expect(toRelyingParty({ PUBLIC_APP_URL: 'http://127.0.0.1:8080' }).origins).toEqual(['http://127.0.0.1:8080']);
  });

  it('may be several origins on the domain and below it, localhost without TLS, and Android apps', () => {
    const app = `android:apk-key-hash:${'a'.repeat(43)}`;
    const WEBAUTHN_ORIGINS = `https://example.com, https://bank.example.com:8443,${app}`;
    expect(toRelyingParty({ PUBLIC_APP_URL, WEBAUTHN_RP_ID: 'example.com', WEBAUTHN_ORIGINS }).origins).toEqual([
      'https://example.com',
      'https://bank.example.com:8443',
      app,
    ]);
    const local = { PUBLIC_APP_URL: 'http://localhost:8080', WEBAUTHN_ORIGINS: 'http://localhost:5173' };
    expect(toRelyingParty(local)).toMatchObject({ id: 'localhost', origins: ['http://localhost:5173'] });
  });

  it.each([
    'http://bank.example.com',
    'https://bank.example.com/',
    'https://bank.example.com.evil.example',
    'https://evilbank.example.com',
    'https://example.com',
    'bank.example.com',
    'https://bank.example.com,',
    'android:apk-key-hash:short',
    'javascript:alert(1)',
  ])('%s is no origin of bank.example.com', (WEBAUTHN_ORIGINS) => {
    expect(() => toRelyingParty({ PUBLIC_APP_URL, WEBAUTHN_ORIGINS })).toThrow(SettingsError);
    expect(() => toRelyingParty({ PUBLIC_APP_URL, WEBAUTHN_ORIGINS })).toThrow(/^WEBAUTHN_ORIGINS must be/);
  });

  it('a domain alone must be above PUBLIC_APP_URL', () => {
    expect(toRelyingParty({ PUBLIC_APP_URL, WEBAUTHN_RP_ID: 'example.com' }).id).toBe('example.com');
    expect(() => toRelyingParty({ PUBLIC_APP_URL, WEBAUTHN_RP_ID: 'example.org' })).toThrow(/^WEBAUTHN_ORIGINS/);
  });

  it.each(['https://example.com', 'example', '127.0.0.1', 'Example.com', 'a..com', 'example.com:443'])(
    '%s is no domain for passkeys',
    (WEBAUTHN_RP_ID) => {
      expect(() => readEnv({ ...needed, WEBAUTHN_RP_ID })).toThrow(/^WEBAUTHN_RP_ID must be/);
    },
  );
});
