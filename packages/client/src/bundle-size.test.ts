import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** What a page that imports the client may have to load. */
const MAX_CORE_BYTES = 12 * 1024;
/** And with everything that is there besides. */
const MAX_WHOLE_BYTES = 16 * 1024;

/** Size of a bundle with these names of the package, minified and gzipped, with everything they need. */
async function gzipBytes(names: string): Promise<{ readonly bytes: number; readonly text: string }> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export ${names} from './index.ts';`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
  });
  const { contents, text } = outputFiles[0]!;
  return { bytes: gzipSync(contents).length, text };
}

it('the client is at most 12 kB', async () => {
  const { bytes, text } = await gzipBytes('{ RealtimeClient }');
  expect(bytes).toBeLessThanOrEqual(MAX_CORE_BYTES);
  // What is not asked for is not in it.
  expect(text).not.toContain('proxy_read_timeout');
  expect(text).not.toContain('sessionStorage');
});

it('everything together is at most 16 kB', async () => {
  expect((await gzipBytes('*')).bytes).toBeLessThanOrEqual(MAX_WHOLE_BYTES);
});
