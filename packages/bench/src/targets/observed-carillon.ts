import { startCarillon } from './carillon.ts';
import { startOtlpSink } from './otlp-sink.ts';
import type { Target } from './target.ts';

const SCRAPE_EVERY_MS = 1000;

/** Carillon whose spans go to a collector; of new traces this share is sampled, 0 to 1. */
export async function startTraced(name: string, ratio: number): Promise<Target> {
  const sink = await startOtlpSink();
  try {
    const target = await startCarillon({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.url,
        OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
        OTEL_TRACES_SAMPLER_ARG: String(ratio),
      },
    });
    return {
      ...target,
      name,
      figures: () => ({ exportedKb: sink.receivedBytes / 1000 }),
      stop: async () => {
        await target.stop();
        await sink.stop();
      },
    };
  } catch (error) {
    await sink.stop();
    throw error;
  }
}

/** Carillon whose metrics are read from every service each second. */
export async function startScraped(name: string): Promise<Target> {
  const target = await startCarillon();
  let [scrapes, failed] = [0, 0];
  const scrape = async (port: number): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
    await answer.arrayBuffer();
    scrapes++;
  };
  const timer = setInterval(() => {
    for (const port of target.servicePorts) scrape(port).catch(() => failed++);
  }, SCRAPE_EVERY_MS);
  return {
    ...target,
    name,
    figures: () => ({ scrapes, failedScrapes: failed }),
    stop: async () => {
      clearInterval(timer);
      await target.stop();
    },
  };
}
