// The viewer's phone: another login, another player, a storage of its own.

import { $, clock, write } from './dom.js';

// What the laptop's player keeps is not on this device.
const device = Object.create({
  getItem(key) { return Object.hasOwn(this, key) ? this[key] : null; },
  setItem(key, value) { this[key] = String(value); },
  removeItem(key) { delete this[key]; },
});
Object.defineProperty(window, 'localStorage', { value: device });

const { base, viewer, webinar } = document.body.dataset;
const video = $('video');
const token = async () => (await fetch(`/demo/token?viewer=${viewer}`)).json();
const tell = () => parent.postMessage({ position: video.currentTime }, location.origin);

try {
  const { attach } = await import(`${base}/player.js`);
  const player = attach(video, { webinarId: webinar, base, token });
  player.addEventListener('clamped', () => write($('note'), 'The jump was cut.'));
  player.addEventListener('completed', () => write($('note'), 'Completed.'));
  player.addEventListener('error', ({ detail }) => write($('note'), detail.message));
  const session = await player.enter();
  write($('note'), `Came back at ${clock(session.resume_position_sec)}.`);
  video.addEventListener('timeupdate', tell);
  await video.play();
} catch (problem) {
  write($('note'), problem.message);
}
tell();
