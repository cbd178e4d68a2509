import { startTelemetry } from '@florin/telemetry';

startTelemetry({ service: 'gateway' });
