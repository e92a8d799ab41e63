// The viewer's phone: another login, another player, a separate storage.

import { $, clock, write } from './dom.js';

// The phone does not see what the laptop's player stores.
const device = Object.create({
  getItem(key) { return Object.hasOwn(this, key) ? this[key] : null; },
  setItem(key, value) { this[key] = String(value); },
  removeItem(key) { delete this[key]; },
});
Object.defineProperty(window, 'localStorage', { value: device });

const { base, viewer, webinar } = document.body.dataset;
const video = $('video');
const token = async () => (await fetch(`/demo/token?viewer=${viewer}`)).json();
const sendPosition = () => parent.postMessage({ position: video.currentTime }, location.origin);

try {
  const { attach } = await import(`${base}/player.js`);
  const player = attach(video, { webinarId: webinar, base, token });
  player.addEventListener('clamped', () => write($('note'), 'The jump was limited.'));
  player.addEventListener('completed', () => write($('note'), 'Completed.'));
  player.addEventListener('error', ({ detail }) => write($('note'), detail.message));
  const session = await player.enter();
  write($('note'), `Resumed at ${clock(session.resume_position_sec)}.`);
  video.addEventListener('timeupdate', sendPosition);
  await video.play();
} catch (problem) {
  write($('note'), problem.message);
}
sendPosition();
