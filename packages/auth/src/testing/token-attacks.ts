import { generateKeyPairSync } from 'node:crypto';
import { claimAttacks } from './claim-attacks.ts';
import {
  encode,
  type Forgery,
  keyed,
  malleated,
  respelled,
  signed,
  signedText,
  type TokenAttack,
  unevenJson,
  without,
} from './forge.ts';

export { type Fields, type Forgery, signed, type TokenAttack } from './forge.ts';

const theirs = generateKeyPairSync('ed25519');
const ecdsa = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

type Cases = [name: string, token: string][];

function algorithmCases({ kid, privateKey, publicKey, userClaims }: Forgery): Cases {
  const header = (alg: unknown) => ({ alg, typ: 'at+jwt', kid });
  const claims = userClaims();
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const secrets = { pem, 'trimmed pem': pem.trim(), x, 'raw key': Buffer.from(x, 'base64url').toString('latin1') };
  return [
    ...['none', 'None', 'NONE', 'nOnE', ''].flatMap(
      (alg): Cases => [
        [`alg ${alg}, no signature`, `${encode(header(alg))}.${encode(claims)}.`],
        [`alg ${alg}, a signature`, signed(header(alg), claims, privateKey)],
      ],
    ),
    ...Object.entries(secrets).flatMap(([name, secret]) =>
      ['HS256', 'HS384', 'HS512'].map((alg): [string, string] => [
        `${alg} with the public key (${name}) as secret`,
        keyed(header(alg), claims, secret),
      ]),
    ),
    ['ES256', signed(header('ES256'), claims, ecdsa.privateKey)],
    ['RS256', signed(header('RS256'), claims, rsa.privateKey)],
    ['EdDSA, signed by ECDSA', signed(header('EdDSA'), claims, ecdsa.privateKey)],
    ...['ES256', 'RS256', 'HS256', 'eddsa', 'Ed448', ['EdDSA'], null].map((alg): [string, string] => [
      `alg ${JSON.stringify(alg)} over our own signature`,
      signed(header(alg), claims, privateKey),
    ]),
    ['no alg', signed(without(header(''), 'alg'), claims, privateKey)],
  ];
}

function headerCases({ kid, privateKey, userClaims }: Forgery): Cases {
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid };
  const claims = userClaims();
  const { x } = theirs.publicKey.export({ format: 'jwk' });
  const jwk = { kty: 'OKP', crv: 'Ed25519', x, kid };
  const kids = [
    '',
    'k2',
    '../../../../dev/null',
    '/dev/null',
    "' or '1'='1",
    "x'; drop table signing_keys; --",
    `${kid} `,
  ];
  const oddKids = [...kids, '__proto__', 'constructor', 'k'.repeat(5000), 'k\u0000', 1, [kid], { kid }, null, true];
  const foreign = { jku: 'http://127.0.0.1:9/', x5u: 'http://127.0.0.1:9/', jwk, x5c: [String(x)] };
  return [
    ...oddKids.map((odd): [string, string] => [
      `kid ${JSON.stringify(odd).slice(0, 40)}`,
      signedText(
        `${encode(`{"alg":"EdDSA","typ":"at+jwt","kid":${JSON.stringify(odd)}}`)}.${encode(claims)}`,
        privateKey,
      ),
    ]),
    ['no kid', signed(without(header, 'kid'), claims, privateKey)],
    ...Object.entries(foreign).map(([name, value]): [string, string] => [
      `a key of its own (${name})`,
      signed({ ...header, [name]: value }, claims, theirs.privateKey),
    ]),
    ...[['b64'], ['exp'], ['x'], [], '', 'b64', null, false, 0, {}].map((crit): [string, string] => [
      `crit ${JSON.stringify(crit)}`,
      signed({ ...header, crit, b64: false, x: 1 }, claims, privateKey),
    ]),
    ...['JWT', 'jwt', 'id+jwt', 'rt+jwt', 'logout+jwt', 'service', '', ['at+jwt'], 7, null].map(
      (typ): [string, string] => [`typ ${JSON.stringify(typ)}`, signed({ ...header, typ }, claims, privateKey)],
    ),
    ['no typ', signed(without(header, 'typ'), claims, privateKey)],
  ];
}

function spellingCases({ kid, privateKey, userClaims }: Forgery): Cases {
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid };
  const claims = userClaims();
  const good = signed(header, claims, privateKey);
  const [head = '', body = '', signature = ''] = good.split('.');
  const text = JSON.stringify(claims);
  const twice = (json: string, first: string) => json.replace('{', `{${first},`);
  const [, , foreign = ''] = signed(header, claims, theirs.privateKey).split('.');
  const [unevenHead, unevenBody] = [encode(unevenJson(header)), encode(unevenJson(claims))];
  return [
    ['signed with another key', `${head}.${body}.${foreign}`],
    ['a changed claim', `${head}.${encode({ ...claims, roles: ['admin'] })}.${signature}`],
    ['no signature', `${head}.${body}.`],
    [
      'a signature cut by a byte',
      `${head}.${body}.${Buffer.from(signature, 'base64url').subarray(0, 63).toString('base64url')}`,
    ],
    [
      'a signature and a byte',
      `${head}.${body}.${Buffer.concat([Buffer.from(signature, 'base64url'), Buffer.of(0)]).toString('base64url')}`,
    ],
    ['a signature of zeros', `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`],
    ['a signature with S + L', malleated(good)],
    ['a signature in another spelling', `${head}.${body}.${respelled(signature)}`],
    ['a header in another spelling', signedText(`${respelled(unevenHead)}.${body}`, privateKey)],
    ['claims in another spelling', signedText(`${head}.${respelled(unevenBody)}`, privateKey)],
    ['padding', `${head}.${body}.${signature}==`],
    ['padding, percent-encoded', `${head}.${body}.${signature}%3D%3D`],
    ['the other alphabet', `${head}.${body}.+${signature.slice(1)}`],
    ['four parts', `${good}.${signature}`],
    ['five parts, as encrypted ones have', `${head}..${body}.${signature}.${signature}`],
    ['an empty part', `${head}..${signature}`],
    ['a dot before', `.${good}`],
    ['a dot after', `${good}.`],
    ['dots alone', '..'],
    ['alg given twice', signedText(`${encode(twice(JSON.stringify(header), '"alg":"none"'))}.${body}`, privateKey)],
    ['kid given twice', signedText(`${encode(twice(JSON.stringify(header), '"kid":"k2"'))}.${body}`, privateKey)],
    ['sub given twice', signedText(`${head}.${encode(twice(text, '"sub":"usr_1"'))}`, privateKey)],
    ['exp given twice, once escaped', signedText(`${head}.${encode(twice(text, '"\\u0065xp":1'))}`, privateKey)],
    [
      'claims with __proto__',
      signedText(`${head}.${encode(twice(text, '"__proto__":{"roles":["admin"]}'))}`, privateKey),
    ],
    ['a byte order mark', signedText(`${head}.${encode(`\uFEFF${text}`)}`, privateKey)],
    [
      'claims that are not UTF-8',
      signedText(
        `${head}.${Buffer.from(text.replace('{', '{"a":"\u00ff",'), 'latin1').toString('base64url')}`,
        privateKey,
      ),
    ],
    [
      'claims nested deeply',
      signed(header, `{"a":${'['.repeat(1500)}${']'.repeat(1500)},${text.slice(1)}`, privateKey),
    ],
    ['claims that are a list', signed(header, [claims], privateKey)],
    ['claims that are null', signed(header, null, privateKey)],
    ['claims that are no JSON', signed(header, '{', privateKey)],
    ['a header that is null', signed(null, claims, privateKey)],
    ['a header that is a list', signed([header], claims, privateKey)],
    ['a very long token', signed(header, { ...claims, pad: 'x'.repeat(7000) }, privateKey)],
  ];
}

function schemeCases(good: string): [name: string, authorization: string | undefined][] {
  return [
    ['no header', undefined],
    ['an empty header', ''],
    ['no token', 'Bearer'],
    ['another scheme', `Basic ${good}`],
    ['no scheme', good],
    ['two blanks', `Bearer  ${good}`],
    ['a tab', `Bearer\t${good}`],
    ['a blank inside', `Bearer ${good.slice(0, 40)} ${good.slice(40)}`],
    ['two tokens', `Bearer ${good} ${good}`],
    ['two credentials', `Bearer ${good}, Basic abc`],
    ['quotes', `Bearer "${good}"`],
    ['a name', `Bearer token=${good}`],
    ['an API key that is none', 'Bearer flk_abc'],
    ['garbage', 'Bearer a.b.c'],
  ];
}

/**
 * Everything that a token may be and must not get anybody in with: each is answered 401, for all the same body but for those that say
 * `token_expired`.
 */
export function tokenAttacks(forgery: Forgery): TokenAttack[] {
  const { kid, privateKey, userClaims } = forgery;
  const good = signed({ alg: 'EdDSA', typ: 'at+jwt', kid }, userClaims(), privateKey);
  const tokens = [...algorithmCases(forgery), ...headerCases(forgery), ...spellingCases(forgery)];
  return [
    ...schemeCases(good).map(([name, authorization]) => ({ name, authorization })),
    ...tokens.map(([name, token]) => ({ name, authorization: `Bearer ${token}` })),
    ...claimAttacks(forgery),
  ];
}
