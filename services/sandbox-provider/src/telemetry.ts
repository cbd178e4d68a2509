import { startTelemetry } from '@florin/telemetry';

startTelemetry({ service: 'sandbox-provider' });
