import { generateKeyPairSync, sign } from 'node:crypto';

/** DER: a tag, the length and what is in it. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

/** A key and a certificate that vouches for itself, and names nobody. */
export function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const algorithm = der(0x30, Buffer.from('06082a8648ce3d040302', 'hex'));
  const nobody = der(0x30);
  const years = der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('490101000000Z')));
  const stated = [der(0x02, Buffer.of(1)), algorithm, nobody, years, nobody];
  const certificate = der(0x30, ...stated, publicKey.export({ type: 'spki', format: 'der' }));
  const signature = der(0x03, Buffer.of(0), sign('sha256', certificate, privateKey));
  const base64 = der(0x30, certificate, algorithm, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
  };
}
