import { BlockList, isIP } from 'node:net';

/** A set of addresses and networks. */
export interface AddressSet {
  has(address: string): boolean;
}

/**
 * The addresses and networks in a text such as `10.0.0.0/8,2001:db8::/32,192.0.2.1`. An IPv4 address is found also in
 * its IPv6 form (`::ffff:192.0.2.1`). Throws a TypeError for anything else.
 */
export function parseAddresses(text: string): AddressSet {
  const list = new BlockList();
  for (const entry of text.split(',')) {
    const [address = '', prefix, ...rest] = entry.split('/');
    const version = isIP(address);
    const longest = version === 6 ? 128 : 32;
    const bits = prefix === undefined ? longest : Number(prefix);
    const isPrefix = prefix === undefined || /^\d{1,3}$/.test(prefix);
    if (version === 0 || rest.length > 0 || !isPrefix || bits > longest) {
      throw new TypeError(`${entry} is no address or network`);
    }
    list.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4');
  }
  return { has: (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') };
}
