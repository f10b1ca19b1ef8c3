import { readFileSync } from 'node:fs';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { READING } from './src/reading.ts';

const ROOT = new URL('../../', import.meta.url);

/** The pages and sources that the console links to, of the version that it shows: as text, so that a browser shows them. */
function reading(): Plugin {
  return {
    name: 'reading',
    generateBundle() {
      for (const { file, path } of READING)
        this.emitFile({ type: 'asset', fileName: path, source: readFileSync(new URL(file, ROOT), 'utf8') });
    },
  };
}

export default defineConfig({
  plugins: [react(), reading()],
  // The page is served from wherever admin is mounted, so its own addresses are relative.
  base: './',
  build: { outDir: 'dist', target: 'es2022', sourcemap: true },
});
