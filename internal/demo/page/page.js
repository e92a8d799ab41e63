// The demo's page: the player beside what it brings about. It is laid out in
// parts; this file joins them.

import { network } from './network.js'; // first: the player must find its fetch
import './tip.js';
import { $, clock, hour, pill } from './dom.js';
import { Rows, draw as drawRows } from './rows.js';
import { session, waiting } from './meta.js';
import { draw as drawChart } from './chart.js';
import { drawReceipt, drawWaiting, follow } from './events.js';
import { alarm, announce, log, say } from './notice.js';
import { phone } from './phonebox.js';
import { bind, bindVideo, paintVideo } from './controls.js';

const { base, nonce, viewer, webinar } = document.body.dataset;
const name = document.querySelector('[aria-label=Viewer] [aria-current]').textContent;
const video = $('video');
const rows = new Rows(viewer);

// What is known of the viewer: the rows as last read, and when that was.

let known = { session: null, messages: [], now: 0, readAt: 0 };
const clockNow = () => known.now + Date.now() - known.readAt; // the database's, in milliseconds

rows.addEventListener('rows', ({ detail }) => {
  known = { session: session(detail.rows, webinar), messages: waiting(detail.rows), now: Date.parse(detail.now), readAt: Date.now() };
  alarm(null);
  $('database')?.setAttribute('aria-checked', 'true');
  drawRows(detail.rows);
  paint();
});
rows.addEventListener('fault', ({ detail: fault }) => {
  alarm(fault);
  if (fault === 'database') $('database')?.setAttribute('aria-checked', 'false');
});

/** Draws everything that moves with the clock or the video. */
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
  drawWaiting(known.messages, clockNow());
  paintVideo(video);
}

// The player, and what it says.

let player = null;
let away = false; // the service, as far as the player can tell
bindVideo(video, say);
const { attach } = await import(`${base}/player.js`).catch(() => ({}));
if (attach) {
  player = attach(video, { webinarId: webinar, base, nonce });
  player.addEventListener('state', ({ detail }) => {
    $('answer').textContent = JSON.stringify(detail, null, 2);
    if ($('note').textContent.startsWith('Press play')) say(`${name} is in. The position is reported every ${detail.heartbeat_sec} s.`);
    rows.refresh();
  });
  player.addEventListener('mark', ({ detail }) => heard(`Mark reached: ${detail.percent} %.`, 'good'));
  player.addEventListener('completed', () => heard('Completed. The last mark is reached, once and for ever.', 'good'));
  player.addEventListener('clamped', () => heard('The service cut the jump: a mark is reached by watching, not by skipping.', 'warn'));
  player.addEventListener('offline', ({ detail }) => {
    away = detail.offline;
    paintNetwork();
    if (away) heard('The service cannot be reached. The player notes what it has to say.', 'warn');
    else heard('The service is back. What was noted has been said.', 'good');
  });
  for (const type of ['error', 'problem']) player.addEventListener(type, ({ detail }) => complain(detail));
  bind({ player, video, phone, rows, say, complain, viewer, webinar });
} else {
  complain({ message: 'The player client cannot be loaded. The video plays without it.' });
}

function heard(text, kind) {
  log(text, kind);
  say(text, kind);
}

function complain(problem) {
  const { status, code, message } = problem;
  if (!status && code === 'fetch_error') return heard('No answer. The video plays on; the player tries again by itself.', 'bad');
  if (/^rest_(cookie_invalid_nonce|not_logged_in)$/.test(code)) return heard('This browser is logged in as another viewer by now: reload the page.', 'bad');
  heard([status, code, message].filter(Boolean).join(' · '), 'bad');
}

// The network switch and what it does to the player.

const JOURNAL = 'autowebinar:session:';

function paintNetwork() {
  $('network').setAttribute('aria-checked', String(!network.lost));
  const kept = Object.keys(localStorage).filter((key) => key.startsWith(JOURNAL)).map((key) => JSON.parse(localStorage[key]))[0];
  const journal = kept ? `, journal at ${clock(kept.position)}` : '';
  if (network.lost) pill($('link'), `offline: ${network.dropped} lost${journal}`, 'bad');
  else pill($('link'), away ? `service away${journal}` : 'online', away ? 'warn' : 'good');
}
network.addEventListener('change', paintNetwork);
$('network').addEventListener('click', () => { network.lost = !network.lost; });
paintNetwork();

// The receiver of events.

const opened = Date.now();

follow({
  onReceipt(receipt) {
    if (receipt.verified && receipt.user !== viewer) return;
    drawReceipt(receipt);
    rows.refresh();
    if (Date.parse(receipt.at) > opened && receipt.outcome === 'accepted') announce(`Event ${receipt.type} arrived at ${hour(new Date(receipt.at))}, verified.`);
  },
  onSink(down) {
    $('sink').setAttribute('aria-checked', String(!down));
    pill($('sink-state'), down ? 'receiver off' : 'receiver on', down ? 'bad' : 'good');
  },
  onLost: () => pill($('sink-state'), 'connecting', 'warn'),
});

for (const type of ['timeupdate', 'play', 'pause', 'seeking', 'loadedmetadata']) video.addEventListener(type, paint);
phone.addEventListener('change', () => { paint(); rows.refresh(); });
setInterval(() => { paint(); paintNetwork(); }, 500);
rows.refresh();
