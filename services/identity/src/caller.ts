import { requireUser } from '@florin/auth';
import type { FastifyRequest } from 'fastify';

/** The logged-in user behind a request. */
export interface Caller {
  /** uuid */
  userId: string;
  /** The client's address, for the audit log; undefined where no client asked. */
  ip: string | undefined;
}

/** Who makes this request. @throws ProblemError where no user does */
export function callerOf(request: FastifyRequest): Caller {
  return { userId: requireUser(request).userId, ip: request.ip };
}
