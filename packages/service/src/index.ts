export { deadline } from './deadline.ts';
export { problemFor, sendProblem, toProblem } from './errors.ts';
export { AnswerStatusError, type Form, getJson, type JsonQuestion } from './get-json.ts';
export { beginDraining, isDraining, type ReadinessCheck } from './health.ts';
export {
  idempotencyHeader,
  idempotencyKey,
  requestFingerprint,
  requiredIdempotencyHeader,
  requireIdempotencyKey,
} from './idempotency.ts';
export { firstUuidAt, formatId, type IdPrefix, idSchema, newUuid, parseId } from './ids.ts';
export { formatInstant } from './instants.ts';
export { parseJson } from './json-body.ts';
export { type RunOptions, runService } from './lifecycle.ts';
export { metricsText } from './metrics.ts';
export { type OpenApiInfo, openApiDocument } from './openapi.ts';
export { cursorPart, decodeCursor, encodeCursor, page, pageQuery } from './pagination.ts';
export { type Periodic, type PeriodicOptions, startPeriodic } from './periodic.ts';
export {
  type FieldError,
  type ProblemBody,
  type ProblemCode,
  ProblemError,
  type ProblemExtra,
  problem,
  problemBody,
  problemCodes,
  problemResponses,
  problemSchema,
  problemStatus,
} from './problems.ts';
export { runMain } from './run-main.ts';
export { body, optionalBody } from './schemas.ts';
export { createServer, type Server, type ServerOptions } from './server.ts';
export { busSettings, commonSettings, databaseSettings, readSettings, SettingsError } from './settings.ts';
export { startWorkLoop, type WorkLoop, type WorkLoopOptions } from './work-loop.ts';
