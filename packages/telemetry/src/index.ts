export { createLogger, type LoggerOptions } from './logger.ts';
export { redacted, redactText } from './redaction.ts';
export { startTelemetry, stopTelemetry } from './telemetry.ts';
