import { lookup, Resolver } from 'node:dns/promises';
import { isIP, isIPv6 } from 'node:net';
import { isPublicAddress } from './public-address.ts';
import type { PrivateTargets } from './target-url.ts';

/** An address to connect to. */
export interface Address {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Finds all addresses of a name; none where it has none. @throws where nobody can be asked */
export type Resolve = (name: string) => Promise<readonly string[]>;

/** The target is not one that may be connected to. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';
}

/** The name has no address, or nobody could say. */
export class NameUnknown extends Error {
  override readonly name = 'NameUnknown';
}

const dnsTimeoutMs = 2_000;

/**
 * Asks the name servers directly. `dns.lookup` would occupy one of the process's four threads for as long as a name server
 * that somebody else runs takes to answer.
 */
export const resolveByDns: Resolve = async (name) => {
  const resolver = new Resolver({ timeout: dnsTimeoutMs, tries: 2 });
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
};

/** For development: knows `localhost` and the hosts file too. */
export const resolveBySystem: Resolve = async (name) => {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
};

/**
 * Where a host may be connected to: the address itself, or every address that its name has at this moment. One that is not
 * public refuses them all, for whoever controls the name chooses which of them is connected to.
 *
 * @throws {TargetRefused} @throws {NameUnknown}
 */
export async function resolveHost(
  host: string,
  { resolve, privateTargets }: { resolve: Resolve; privateTargets: PrivateTargets },
): Promise<Address[]> {
  const found = isIP(host) === 0 ? await addressesOf(host, resolve) : [host];
  if (privateTargets === 'refuse' && !found.every(isPublicAddress)) throw new TargetRefused('not a public address');
  return found.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
}

async function addressesOf(name: string, resolve: Resolve): Promise<readonly string[]> {
  const found = await resolve(name).catch((): readonly string[] => []);
  if (found.length === 0) throw new NameUnknown('the name has no address');
  return found;
}
