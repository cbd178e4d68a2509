import type { ClientRequest } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type Address, TargetRefused } from './resolve-host.ts';

/** Answers every look-up of a connection with what has been checked. */
export function onlyThese(addresses: readonly Address[]): LookupFunction {
  return (_hostname, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** The last look: should anything have led a connection elsewhere, it ends before the request is on it. */
export function guardConnection(outgoing: ClientRequest, addresses: readonly Address[]): void {
  outgoing.once('socket', (socket) => {
    socket.once('connect', () => {
      const isKnown = addresses.some(({ address }) => address === socket.remoteAddress);
      if (!isKnown) outgoing.destroy(new TargetRefused('connected to another address'));
    });
  });
}
