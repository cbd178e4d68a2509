import { BlockList, isIP } from 'node:net';

interface Network {
  address: string;
  family: 'ipv4' | 'ipv6';
  /** Undefined: one address. */
  prefix: number | undefined;
}

function parse(text: string): Network | undefined {
  const [address = '', prefixText, ...more] = text.split('/');
  const version = isIP(address);
  // A zone (fe80::1%eth0) names an interface of one machine.
  if (version === 0 || address.includes('%') || more.length > 0) return undefined;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (prefixText === undefined) return { address, family, prefix: undefined };
  const prefix = Number(prefixText);
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || prefix > (version === 4 ? 32 : 128)) return undefined;
  return { address, family, prefix };
}

const ipv4InIpv6 = new BlockList();
ipv4InIpv6.addSubnet('::ffff:0:0', 96, 'ipv6');

function isIpv4({ address, family }: Network): boolean {
  return family === 'ipv4' || ipv4InIpv6.check(address, 'ipv6');
}

/** Whether the text is an IPv4 or IPv6 address, or a network in CIDR notation. IPv4 is not to be written as IPv6. */
export function isIpRule(text: string): boolean {
  const rule = parse(text);
  return rule !== undefined && isIpv4(rule) === (rule.family === 'ipv4');
}

/**
 * Whether the address falls under one of the rules. An IPv4 address is the same when written as IPv6 (`::ffff:…`), and
 * falls under no rule for IPv6.
 */
export function isIpAllowed(rules: readonly string[], address: string): boolean {
  const client = parse(address);
  if (client === undefined || client.prefix !== undefined) return false;
  const allowed = new BlockList();
  for (const rule of rules) {
    const network = parse(rule);
    if (network === undefined || (network.family === 'ipv4') !== isIpv4(client)) continue;
    if (network.prefix === undefined) allowed.addAddress(network.address, network.family);
    else allowed.addSubnet(network.address, network.prefix, network.family);
  }
  return allowed.check(client.address, client.family);
}
