/** The app: five pages around one model. */
import {App} from './app.ts';
import {stayAvailable} from './offline.ts';
import {element, tell, tellNothing} from './page.ts';
import {CalibrateView} from './views/calibrate.ts';
import {InspectView} from './views/inspect.ts';
import {LogView} from './views/log.ts';
import {ModelView} from './views/model.ts';
import {SettingsView} from './views/settings.ts';

interface View {
  /** The page is shown. */
  enter?(): Promise<void>;
  /** Another one is. */
  leave?(): void;
}

const app = new App();
const views: Record<string, View> = {
  inspect: new InspectView(app),
  model: new ModelView(app) as View,
  calibrate: new CalibrateView(app),
  log: new LogView(app),
  settings: new SettingsView(),
};
let shown = 'inspect';

function show(name: string, byHand: boolean): void {
  const next = name in views ? name : 'inspect';
  if (next !== shown) {
    views[shown].leave?.();
    tellNothing();
  }
  shown = next;
  for (const id of Object.keys(views)) element(id, HTMLElement).hidden = id !== next;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#${next}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  if (byHand) element(`${next}-title`, HTMLElement).focus();
  window.scrollTo(0, 0);
  void views[next].enter?.().catch(tell);
}

addEventListener('hashchange', () => show(location.hash.slice(1), true));
addEventListener('dragover', (event) => event.preventDefault()); // a file that misses is not opened
addEventListener('drop', (event) => event.preventDefault());
show(location.hash.slice(1), false);

async function start(): Promise<void> {
  try {
    if (!(await app.loadServed())) tell('There is no model beside this page. Open one on the page Model.');
  } catch (problem) {
    tell(problem);
  }
  document.body.dataset.ready = 'true';
  await app.golden().catch(() => undefined); // kept for a self-test without a network
  await stayAvailable();
}

void start();
