export { type Client, type ClientOptions, createClient, type WriteOptions } from './client.ts';
export { type Problem, ProblemError, UnknownOutcomeError } from './errors.ts';
export type * from './types.ts';
