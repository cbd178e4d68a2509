import { encode, type Fields, type Forgery, signed, signedText, type TokenAttack, without } from './forge.ts';

const now = () => Math.floor(Date.now() / 1000);

/** Values that a claim must not have. Texts after `raw:` stand in the JSON as they are. */
function badValues(issuer: string): Record<string, readonly unknown[]> {
  return {
    iss: ['https://evil.dev', [issuer], `${issuer}/`, issuer.toUpperCase(), '', null, 7],
    aud: ['accounts', 'Florin', '', ['other'], ['florin'], ['florin', 'accounts'], { florin: true }, null],
    sub: ['ses_01h455vb4pex5vsknk084sn02q', 'usr_1', 'usr_', 'service:gateway', '', 7, null, ['usr_1']],
    sid: ['x', 'usr_01h455vb4pex5vsknk084sn02q', '', 7, null],
    exp: [
      String(now() + 600),
      '',
      null,
      true,
      [now() + 600],
      {},
      now() + 90_000,
      4_102_444_800,
      'raw:1e400',
      'raw:-1e400',
      'raw:NaN',
      -1e300,
    ],
    iat: ['yesterday', null, true, now() + 3_600, 'raw:1e400', 'raw:NaN'],
    nbf: [now() + 600, now() + 60.5, 'tomorrow', null, 'raw:1e400'],
    roles: ['admin', [{ name: 'admin' }], [null], { 0: 'admin', length: 1 }, Array(17).fill('customer'), null],
    scope: [['accounts:read'], 'x'.repeat(1025), null, 7],
  };
}

function withValue(forgery: Forgery, name: string, value: unknown): TokenAttack {
  const { kid, privateKey, userClaims } = forgery;
  const isRaw = typeof value === 'string' && value.startsWith('raw:');
  const json = isRaw ? value.slice('raw:'.length) : JSON.stringify(value);
  const rest = JSON.stringify(without(userClaims(), name)).slice(1);
  const input = `${encode({ alg: 'EdDSA', typ: 'at+jwt', kid })}.${encode(`{"${name}":${json},${rest}`)}`;
  return { name: `${name} ${json.slice(0, 60)}`, authorization: `Bearer ${signedText(input, privateKey)}` };
}

/** Claims under a good signature that identity would not write. */
export function claimAttacks(forgery: Forgery): TokenAttack[] {
  const { kid, privateKey, userClaims, serviceClaims } = forgery;
  const user = (claims: Fields) => `Bearer ${signed({ alg: 'EdDSA', typ: 'at+jwt', kid }, claims, privateKey)}`;
  const service = (claims: Fields) => `Bearer ${signed({ alg: 'EdDSA', typ: 'service+jwt', kid }, claims, privateKey)}`;
  return [
    ...['iss', 'aud', 'sub', 'sid', 'iat', 'exp', 'roles', 'scope'].map((name) => ({
      name: `no ${name}`,
      authorization: user(without(userClaims(), name)),
    })),
    ...Object.entries(badValues(forgery.issuer)).flatMap(([name, values]) =>
      values.map((value) => withValue(forgery, name, value)),
    ),
    ...[now() - 3_600, now() - 6.5, 1, 0, -1, -1.5].map((exp) => ({
      name: `exp ${exp}`,
      authorization: user({ ...userClaims(), iat: now() - 4_000, exp }),
      code: 'token_expired' as const,
    })),
    { name: 'user claims as a service token', authorization: service(userClaims()) },
    {
      name: 'user claims as a service token for this service',
      authorization: service({ ...serviceClaims(), ...without(userClaims(), 'aud') }),
    },
    { name: 'service claims as a user token', authorization: user({ ...serviceClaims(), aud: 'florin' }) },
    { name: 'a service token for another service', authorization: service({ ...serviceClaims(), aud: 'sandbox' }) },
    { name: 'a service token for users', authorization: service({ ...serviceClaims(), aud: 'florin' }) },
    ...['gateway', 'service:', 'service:Gateway', 'service:../x', 'usr_01h455vb4pex5vsknk084sn02q'].map((sub) => ({
      name: `a service called ${sub}`,
      authorization: service({ ...serviceClaims(), sub }),
    })),
    ...['iss', 'aud', 'sub', 'iat', 'exp'].map((name) => ({
      name: `a service token without ${name}`,
      authorization: service(without(serviceClaims(), name)),
    })),
  ];
}
