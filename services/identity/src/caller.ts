import { requireUser } from '@florin/auth';
import { parseId } from '@florin/service';
import type { FastifyRequest } from 'fastify';
import { sessionOver } from './errors.ts';

/** The logged-in user behind a request. */
export interface Caller {
  /** uuid */
  userId: string;
  /** The client's address, for the audit log; undefined where no client asked. */
  ip: string | undefined;
}

/** The session in which a request is made. @throws ProblemError where it is none of a login */
export function sessionOf(request: FastifyRequest): { userId: string; sessionId: string } {
  const { userId, sessionId } = requireUser(request);
  const id = parseId('ses', sessionId);
  if (id === undefined) throw sessionOver();
  return { userId, sessionId: id };
}

/** Who makes this request. @throws ProblemError where no user does */
export function callerOf(request: FastifyRequest): Caller {
  return { userId: requireUser(request).userId, ip: request.ip };
}
