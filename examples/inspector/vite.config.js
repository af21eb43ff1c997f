import {createHash} from 'node:crypto';
import {readdirSync, readFileSync} from 'node:fs';
import {defineConfig} from 'vite';

const HERE = new URL('./', import.meta.url);
// With and without relaxed SIMD, which not every browser has.
const RUNTIME = ['litert_wasm_internal', 'litert_wasm_compat_internal'];

/** Copies the WebAssembly of LiteRT.js into the build. */
function runtime() {
  const from = new URL('node_modules/@litertjs/core/wasm/', HERE);
  return {
    name: 'runtime',
    generateBundle() {
      for (const name of RUNTIME.flatMap((one) => [`${one}.js`, `${one}.wasm`])) {
        this.emitFile({type: 'asset', fileName: `wasm/${name}`, source: readFileSync(new URL(name, from))});
      }
    },
  };
}

/** Tells the service worker which files there are. */
function offline() {
  return {
    name: 'offline',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        const worker = bundle['service-worker.js'];
        const files = Object.keys(bundle).filter((name) => name !== 'service-worker.js');
        const digest = createHash('sha256');
        for (const name of files.sort()) digest.update(name).update(bundle[name].code ?? bundle[name].source);
        for (const name of readdirSync(new URL('public/', HERE))) {
          files.push(name);
          digest.update(name).update(readFileSync(new URL(`public/${name}`, HERE)));
        }
        const facts = `const FILES = ${JSON.stringify(files)}, VERSION = "${digest.digest('hex').slice(0, 16)}";\n`;
        worker.code = facts + worker.code;
      },
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [runtime(), offline()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: {polyfill: false},
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: {index: 'index.html', 'service-worker': 'src/service_worker.ts'},
      output: {
        entryFileNames: ({name}) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js'),
      },
    },
  },
});
