import { runMain, runService } from '@florin/service';
import { stopTelemetry } from '@florin/telemetry';
import { buildApp } from './app.ts';
import { readEnv, toConfig } from './config.ts';
import { openDependencies } from './dependencies.ts';

await runMain('identity', async () => {
  const config = toConfig(readEnv(process.env));
  const dependencies = await openDependencies(config);
  await runService({
    app: buildApp(dependencies),
    host: config.host,
    port: config.port,
    graceMs: config.shutdownGraceMs,
    logger: dependencies.logger,
    close: async () => {
      await dependencies.close();
      await stopTelemetry();
    },
  });
});
