import { startTelemetry } from '@florin/telemetry';

startTelemetry({ service: 'identity' });
