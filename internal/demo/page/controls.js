// The buttons: what a viewer does, and what a tester breaks.

import { $, clock, write } from './dom.js';

const SKIP = 30; // seconds

/** Binds what works on the video alone, with or without a service. */
export function bindVideo(video, say) {
  const playOrPause = () => (video.paused ? video.play().catch((problem) => say(problem.message, 'bad')) : video.pause());
  $('play').addEventListener('click', playOrPause);
  $('screen').addEventListener('click', playOrPause);
  $('seek').addEventListener('input', () => { video.currentTime = Number($('seek').value); });
  $('skip').addEventListener('click', () => {
    say(`Skipping ${SKIP} s ahead.`);
    video.currentTime = Math.min(video.duration - 1, video.currentTime + SKIP);
  });
  $('fast').addEventListener('click', () => {
    const fast = video.playbackRate === 1;
    video.playbackRate = fast ? 2 : 1;
    $('fast').setAttribute('aria-pressed', String(fast));
  });
}

export function paintVideo(video) {
  write($('play'), video.paused ? 'Play' : 'Pause');
  $('screen').classList.toggle('paused', video.paused);
  $('seek').max = Math.floor(video.duration || 100);
  $('seek').value = Math.floor(video.currentTime);
  $('seek').setAttribute('aria-valuetext', `${clock(video.currentTime)} of ${clock(video.duration || 100)}`);
}

/** Binds the controls that need the player: all the others but the network switch and the theme. */
export function bind({ player, video, phone, rows, say, complain, viewer, webinar }) {
  const on = (id, doing, done, act) => {
    const target = $(id);
    target?.addEventListener(target instanceof HTMLFormElement ? 'submit' : 'click', async (event) => {
      event.preventDefault();
      say(doing);
      try {
        await act();
        if ($('note').textContent === doing) say(done, 'good');
      } catch (problem) {
        complain(problem);
      }
      rows.refresh();
    });
  };

  on('leave', 'Leaving …', 'Left. The first exit of a session is told once.', () => player.leave());
  on('back', 'Coming back …', 'Back, and the video goes on where it was.', async () => {
    await player.resume().finally(() => video.play());
  });
  on('call', 'Going on on a phone …', 'The phone is open: it comes back where the laptop stopped.', () => {
    video.pause();
    phone.open(viewer, webinar);
  });
  $('hangup').addEventListener('click', () => {
    phone.close();
    $('call').focus();
  });

  on('cta', 'Clicking the offer …', 'The first click is kept.', () => player.cta());
  on('register', 'Registering …', 'Registered. Again, and nothing more is told.', () => player.register({ source: 'demo page' }));
  on('form', 'Sending the form: it is kept and repeated until the receiver takes it …', 'The receiver took the form. No answer is stored.', () => {
    const { rating, comment } = $('form').elements;
    return player.submitForm('feedback', { rating: rating.value, comment: comment.value });
  });

  const flip = (id, down, up) => $(id)?.addEventListener('click', async () => {
    const on = $(id).getAttribute('aria-checked') === 'true';
    await fetch(`/demo/${id}/${on ? 'down' : 'up'}`, { method: 'POST' })
      .then(() => say(on ? down : up, on ? 'warn' : 'good'), complain);
    rows.refresh();
  });
  flip('sink', 'The receiver is off: it refuses events, and they wait.', 'The receiver is on again: what waits arrives in a moment.');
  flip('database', 'The database is cut off: the service says 503, the player waits.', 'The database is back.');

  on('forget', 'Starting over …', '', async () => {
    player.detach();
    phone.close();
    const answer = await fetch(`/demo/forget?viewer=${viewer}`, { method: 'POST' });
    if (!answer.ok) throw new Error('The database does not answer.');
    Object.keys(localStorage).filter((key) => key.startsWith('autowebinar:')).forEach((key) => localStorage.removeItem(key));
    location.reload();
  });
}
