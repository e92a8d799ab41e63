// Asks the service how it is, again and again while somebody looks.

import { hour } from './dom.js';
import * as panels from './panels.js';

const every = 2000;
const patience = 5000;
let heard = null; // when it last answered

async function look() {
  try {
    const answer = await fetch('status.json', { cache: 'no-store', signal: AbortSignal.timeout(patience) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.json());
  } catch {
    lose();
  }
}

function show(status) {
  heard = new Date();
  document.body.classList.remove('stale');
  panels.banner(status.level, status.problems);
  for (const panel of ['head', 'tiles', 'funnel', 'delivery', 'errors', 'readiness', 'work', 'settings']) panels[panel](status);
}

function lose() {
  document.body.classList.toggle('stale', heard !== null);
  const what = heard ? `What you see below is from ${hour(heard)}.` : 'It has not answered yet.';
  panels.banner('lost', [{ what, do: 'See that the process runs and that this address reaches it. The page goes on asking.' }], 'The service does not answer');
}

async function watch() {
  for (;;) {
    if (!document.hidden) await look();
    await new Promise((done) => setTimeout(done, every));
  }
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) look(); });
watch();
