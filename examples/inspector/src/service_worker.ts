/** Keeps the app on the device, so that it works without a network. Models are kept by the page that loads them. */
import {runtimeFile} from './core/runtime_file.ts';

declare const FILES: string[]; // of the build, put here by vite.config.js
declare const VERSION: string;

interface Lifetime extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Event {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Scope {
  registration: {scope: string};
  clients: {claim(): Promise<void>};
  addEventListener(type: 'install' | 'activate', listener: (event: Lifetime) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
}

const scope = self as unknown as Scope;
const OWN = `piade-app-${scope.registration.scope}`; // another inspector may live in a folder beside this one
const CACHE = `${OWN} ${VERSION}`;
const kept = FILES.filter((name) => !name.startsWith('wasm/') || name.startsWith(`wasm/${runtimeFile()}.`));
const addresses = new Set(kept.map(addressOf));

function addressOf(name: string): string {
  return new URL(name === 'index.html' ? './' : name, scope.registration.scope).href;
}

scope.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([...addresses])));
});

scope.addEventListener('activate', (event) => {
  const old = async () => {
    const names = (await caches.keys()).filter((name) => name.startsWith(`${OWN} `) && name !== CACHE);
    await Promise.all(names.map((name) => caches.delete(name)));
    await scope.clients.claim();
  };
  event.waitUntil(old());
});

scope.addEventListener('fetch', (event) => {
  const {request} = event;
  const address = request.url.replace(/[?#].*$/, '').replace(/index\.html$/, '');
  if (request.method !== 'GET' || !addresses.has(address)) return;
  event.respondWith(caches.match(address, {cacheName: CACHE}).then((found) => found ?? fetch(request)));
});
