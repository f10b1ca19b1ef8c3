import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [react()],
  // The page is served from wherever admin is mounted, so its own addresses are relative.
  base: './',
  build: { outDir: 'dist', target: 'es2022', sourcemap: true },
});
