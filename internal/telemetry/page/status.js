// Polls /status.json while the page is visible.

import { time } from './dom.js';
import * as panels from './panels.js';

const interval = 2000;
const timeout = 5000;
let lastUpdate = null;

async function update() {
  try {
    const response = await fetch('status.json', { cache: 'no-store', signal: AbortSignal.timeout(timeout) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
  } catch {
    showDisconnected();
  }
}

function show(status) {
  lastUpdate = new Date();
  document.body.classList.remove('stale');
  panels.banner(status.level, status.problems);
  for (const panel of ['header', 'tiles', 'progress', 'delivery', 'errors', 'readiness', 'requests', 'settings']) panels[panel](status);
}

function showDisconnected() {
  document.body.classList.toggle('stale', lastUpdate !== null);
  const summary = lastUpdate ? `Last update at ${time(lastUpdate)}.` : 'No response so far.';
  panels.banner('disconnected', [{ summary, action: 'Check that the service is running and reachable at this address. The page keeps trying.' }]);
}

async function poll() {
  for (;;) {
    if (!document.hidden) await update();
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) update(); });
poll();
