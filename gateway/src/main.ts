import { runMain, runService } from '@florin/service';
import { stopTelemetry } from '@florin/telemetry';
import { buildApp } from './app.ts';
import { readEnv, toConfig } from './config.ts';
import { openDependencies } from './dependencies.ts';
import { listenForMetrics } from './plugins/metrics.ts';

await runMain('gateway', async () => {
  const config = toConfig(readEnv(process.env));
  const metrics = await listenForMetrics(config.listen.host, config.listen.metricsPort);
  const dependencies = await openDependencies(config);
  await runService({
    app: await buildApp(dependencies),
    host: config.listen.host,
    port: config.listen.port,
    graceMs: config.shutdownGraceMs,
    logger: dependencies.logger,
    close: async () => {
      metrics.close();
      await dependencies.close();
      await stopTelemetry();
    },
  });
});
