/** Makes the app work without a network after its first load. */
import {element} from './page.ts';

export async function stayAvailable(): Promise<void> {
  const place = element('offline', HTMLParagraphElement);
  if (!('serviceWorker' in navigator)) {
    place.textContent = 'Works with the network only: open the page over https, or from localhost.';
    return;
  }
  try {
    await navigator.serviceWorker.register('service-worker.js');
    await navigator.serviceWorker.ready;
    place.textContent = 'Ready to work without a network.';
  } catch {
    place.textContent = 'Works with the network only: the browser keeps nothing for this page.';
  }
}
