import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** IANA's special-purpose registry, multicast and class E; and Azure's metadata, which has an address like any other. */
const closedIpv4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ...['192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32'],
];
/** Where the public ones are. What carries an IPv4 address inside (mapped, NAT64, compatible) lies outside of it. */
const openIpv6 = ['2000::/3'];
/** Within that: protocol assignments (Teredo, ORCHID), documentation, 6to4, AS112. */
const closedIpv6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '2620:4f:8000::/48'];

const closed = new BlockList();
const open = new BlockList();
for (const network of closedIpv4) addTo(closed, network, 'ipv4');
for (const network of closedIpv6) addTo(closed, network, 'ipv6');
for (const network of openIpv6) addTo(open, network, 'ipv6');

function addTo(list: BlockList, network: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', prefix] = network.split('/');
  list.addSubnet(address, Number(prefix), family);
}

/** Whether the address, in its usual notation, is one of the public internet: of a stranger, not of us. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !closed.check(address, 'ipv4');
  // With a zone behind % it is a local one.
  if (!isIPv6(address) || address.includes('%')) return false;
  return open.check(address, 'ipv6') && !closed.check(address, 'ipv6');
}
