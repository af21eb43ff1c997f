import {readFileSync} from 'node:fs';
import {defineConfig} from 'vite';

// With and without relaxed SIMD, which not every browser has; LiteRT.js asks for one of them.
const RUNTIME = ['litert_wasm_internal', 'litert_wasm_compat_internal'];
const FROM = new URL('./node_modules/@litertjs/core/wasm/', import.meta.url);

/** Copies the WebAssembly of LiteRT.js into the build. */
function runtime() {
  return {
    name: 'runtime',
    generateBundle() {
      for (const name of RUNTIME.flatMap((one) => [`${one}.js`, `${one}.wasm`])) {
        this.emitFile({type: 'asset', fileName: `wasm/${name}`, source: readFileSync(new URL(name, FROM))});
      }
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [runtime()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    chunkSizeWarningLimit: 2000,
  },
});
