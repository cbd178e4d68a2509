import { problem } from '@florin/service';
import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { AddressSet } from '../addresses.ts';

export interface AddressListOptions {
  /** Undefined: all addresses. */
  readonly allowed: AddressSet | undefined;
  /** Wins over `allowed`. */
  readonly denied: AddressSet | undefined;
}

/**
 * Refuses clients by address with 403, whatever they ask for; probes of liveness and readiness are answered to all. The
 * address is the connection's, or what a trusted proxy says.
 */
export const addressLists = fp(
  async (app: FastifyInstance, { allowed, denied }: AddressListOptions) => {
    if (allowed === undefined && denied === undefined) return;
    app.addHook('onRequest', (request, _reply, done) => {
      const refused = denied?.has(request.ip) || allowed?.has(request.ip) === false;
      const isProbe = request.routeOptions.config.operational === true;
      done(refused && !isProbe ? problem('forbidden', 'This is not allowed from your address.') : undefined);
    });
  },
  { name: 'florin-address-lists' },
);
