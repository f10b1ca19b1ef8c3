import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

/** Bound of the core's bundle, minified and gzipped. */
const MAX_CORE_BYTES = 12 * 1024;
/** And with everything that is there besides. */
const MAX_WHOLE_BYTES = 18 * 1024;

/** Bound of the protobuf encoding's share. */
const MAX_PROTOBUF_BYTES = 5 * 1024;

/** Size of a bundle with these names of the package, minified and gzipped, with everything they need. */
async function gzipBytes(
  names: string,
  more = '',
): Promise<{ readonly bytes: number; readonly text: string }> {
  const { outputFiles } = await build({
    stdin: {
      contents: `export ${names} from './index.ts';${more}`,
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
  // Options that are not imported are not in the bundle.
  expect(text).not.toContain('proxy_read_timeout');
  expect(text).not.toContain('sessionStorage');
  expect(text).not.toContain('savedAtMs');
});

it('protobuf adds at most 5 kB, and only where it is imported', async () => {
  const core = await gzipBytes('{ RealtimeClient }');
  const both = await gzipBytes('{ RealtimeClient }', "export { protobuf } from './protobuf.ts';");
  expect(both.bytes - core.bytes).toBeLessThanOrEqual(MAX_PROTOBUF_BYTES);
  expect(both.text).toContain('carillon.v1.protobuf');
  expect(core.text).not.toContain('carillon.v1.protobuf');
  expect(core.text).not.toContain('$bytes');
});

it('everything together is at most 18 kB', async () => {
  expect((await gzipBytes('*')).bytes).toBeLessThanOrEqual(MAX_WHOLE_BYTES);
});
