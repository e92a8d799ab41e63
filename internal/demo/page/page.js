// The demo's page. This file connects its parts.

import { network } from './network.js'; // first, because it replaces the fetch that the player uses
import './tip.js';
import { $, clock, hour, pill } from './dom.js';
import { Rows, draw as drawRows } from './rows.js';
import { session, queued } from './meta.js';
import { draw as drawChart } from './chart.js';
import { drawReceipt, drawQueued, follow } from './events.js';
import { alarm, announce, log, showStatus } from './notice.js';
import { phone } from './phonebox.js';
import { bind, bindVideo, paintVideo } from './controls.js';

const { base, nonce, viewer, webinar } = document.body.dataset;
const name = document.querySelector('[aria-label=Viewer] [aria-current]').textContent;
const video = $('video');
const rows = new Rows(viewer);

// The viewer's data as last read, and the time of reading.

let known = { session: null, messages: [], now: 0, readAt: 0 };
const clockNow = () => known.now + Date.now() - known.readAt; // the database's, in milliseconds

rows.addEventListener('rows', ({ detail }) => {
  known = { session: session(detail.rows, webinar), messages: queued(detail.rows), now: Date.parse(detail.now), readAt: Date.now() };
  alarm(null);
  $('database')?.setAttribute('aria-checked', 'true');
  drawRows(detail.rows);
  paint();
});
rows.addEventListener('fault', ({ detail: fault }) => {
  alarm(fault);
  if (fault === 'database') $('database')?.setAttribute('aria-checked', 'false');
});

/** Draws what changes with the clock or the video. */
function paint() {
  const began = known.session?.startedAt;
  const played = video.currentTime > 0 || player?.session;
  drawChart({
    name,
    duration: video.duration || 100,
    session: known.session,
    at: played ? video.currentTime : known.session && known.session.position,
    phone: phone.position,
    live: began ? Math.max(0, (clockNow() - began) / 1000) : null,
  });
  drawQueued(known.messages, clockNow());
  paintVideo(video);
}

// The player and its events.

let player = null;
let entered = false; // on this page
let unreachable = false; // the service, according to the player
bindVideo(video, showStatus);
const { attach } = await import(`${base}/player.js`).catch(() => ({}));
if (attach) {
  player = attach(video, { webinarId: webinar, base, nonce });
  player.addEventListener('state', ({ detail }) => {
    $('response').textContent = JSON.stringify(detail, null, 2);
    if (!entered) notify(`${name} has entered. The player reports the position every ${detail.heartbeat_sec} s.`);
    entered = true;
    rows.refresh();
  });
  player.addEventListener('mark', ({ detail }) => notify(`Milestone reached: ${detail.percent} %.`, 'good'));
  player.addEventListener('completed', () => notify('Completed: all milestones are reached.', 'good'));
  player.addEventListener('clamped', () => notify('The service limited the jump: skipped parts do not count as watched.', 'warn'));
  player.addEventListener('offline', ({ detail }) => {
    unreachable = detail.offline;
    paintNetwork();
    if (unreachable) notify('The service is unreachable. The player saves its position in the browser.', 'warn');
    else notify('The service is reachable again. The saved position has been sent.', 'good');
  });
  player.addEventListener('error', ({ detail }) => showError(detail));
  bind({ player, video, phone, rows, session: () => known.session, showStatus, notify, showError, viewer, webinar });
} else {
  showError({ message: 'The player client cannot be loaded. The video plays without it.' });
}

function notify(text, kind) {
  log(text, kind);
  showStatus(text, kind);
}

function showError(problem) {
  const { status, code, message } = problem;
  if (!status && code === 'fetch_error') return notify('No response. The video keeps playing, and the player retries.', 'bad');
  if (/^rest_(cookie_invalid_nonce|not_logged_in)$/.test(code)) return notify('This browser is now logged in as another viewer. Reload the page.', 'bad');
  notify([status, code, message].filter(Boolean).join(' · '), 'bad');
}

// The network switch and the state of the player's connection.

const SAVED = 'autowebinar:session:';

function paintNetwork() {
  $('network').setAttribute('aria-checked', String(!network.off));
  const saved = Object.keys(localStorage).filter((key) => key.startsWith(SAVED)).map((key) => JSON.parse(localStorage[key]))[0];
  const position = saved ? `, saved at ${clock(saved.position)}` : '';
  if (network.off) pill($('link'), `offline: ${network.dropped} lost${position}`, 'bad');
  else pill($('link'), unreachable ? `service unreachable${position}` : 'online', unreachable ? 'warn' : 'good');
}
network.addEventListener('change', paintNetwork);
$('network').addEventListener('click', () => { network.off = !network.off; });
paintNetwork();

// The webhook receiver.

const opened = Date.now();

follow({
  onReceipt(receipt) {
    if (receipt.verified && receipt.user !== viewer) return;
    drawReceipt(receipt);
    rows.refresh();
    if (Date.parse(receipt.at) > opened && receipt.outcome === 'accepted') announce(`Event ${receipt.type} received at ${hour(new Date(receipt.at))}, verified.`);
  },
  onSwitch(down) {
    $('receiver').setAttribute('aria-checked', String(!down));
    pill($('receiver-state'), down ? 'receiver off' : 'receiver on', down ? 'bad' : 'good');
  },
  onLost: () => pill($('receiver-state'), 'connecting', 'warn'),
});

for (const type of ['timeupdate', 'play', 'pause', 'seeking', 'loadedmetadata']) video.addEventListener(type, paint);
phone.addEventListener('change', () => { paint(); rows.refresh(); });
setInterval(() => { paint(); paintNetwork(); }, 500);
rows.refresh();
