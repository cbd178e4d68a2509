import { isIP } from 'node:net';
import { isPublicAddress } from './public-address.ts';

/** `refuse`: https to public addresses only. `allow`: any address, http too; for development and tests. */
export type PrivateTargets = 'refuse' | 'allow';

/** Names that never are somebody else's server: special by RFC or by the custom of networks. */
const localNames = ['localhost', 'local', 'localdomain', 'internal', 'intranet', 'home.arpa', 'lan', 'corp', 'home'];

/** The host of a URL as it is looked up and connected to: an address without brackets, or a name without its last dot. */
export function hostOf(url: URL): string {
  const { hostname } = url;
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return hostname.replace(/\.+$/, '');
}

/**
 * What is wrong with a text as the URL of an endpoint, as far as the text alone can tell; undefined when nothing is. `URL`
 * reads addresses as a browser does, in decimal, octal, hex or short, and what is checked here is what it has read.
 */
export function urlFault(text: string, privateTargets: PrivateTargets): string | undefined {
  if (!URL.canParse(text)) return 'This is no URL.';
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return 'The URL must not hold a user or password.';
  if (privateTargets === 'allow') {
    return ['http:', 'https:'].includes(url.protocol) ? undefined : 'The URL must begin with https:// or http://.';
  }
  if (url.protocol !== 'https:') return 'The URL must begin with https://.';
  return isPublicHost(hostOf(url)) ? undefined : 'The URL must lead to a server of the public internet.';
}

/** Whether a host can be public; where a name leads to is not known here. */
function isPublicHost(host: string): boolean {
  if (isIP(host) !== 0) return isPublicAddress(host);
  if (!host.includes('.')) return false;
  return !localNames.some((name) => host.endsWith(`.${name}`));
}
