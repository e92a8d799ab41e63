// The buttons and switches.

import { $, clock, write } from './dom.js';

const SKIP = 30; // seconds

/** Binds the controls of the video, which work without the service. */
export function bindVideo(video, showStatus) {
  const playOrPause = () => (video.paused ? video.play().catch((problem) => showStatus(problem.message, 'bad')) : video.pause());
  $('play').addEventListener('click', playOrPause);
  $('screen').addEventListener('click', playOrPause);
  $('seek').addEventListener('input', () => { video.currentTime = Number($('seek').value); });
  $('skip').addEventListener('click', () => {
    showStatus(`Skipping ${SKIP} s ahead.`);
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

/** Binds the controls that need the player; page.js binds the network switch. */
export function bind({ player, video, phone, rows, session, showStatus, notify, showError, viewer, webinar }) {
  const on = (id, doing, done, act) => {
    const target = $(id);
    target?.addEventListener(target instanceof HTMLFormElement ? 'submit' : 'click', async (event) => {
      event.preventDefault();
      showStatus(doing);
      try {
        await act();
        if ($('note').textContent === doing) notify(done, 'good');
      } catch (problem) {
        showError(problem);
      }
      rows.refresh();
    });
  };

  on('leave', 'Leaving …', 'Left. Only the first exit of a session sends an event.', () => {
    if (!player.session) throw new Error('There is no session to leave. Press Play first.');
    return player.leave();
  });
  on('back', 'Returning …', 'Resumed at the last position.', async () => {
    if (!player.session && !session()) throw new Error('There is no session to resume. Press Play first.');
    await player.resume().finally(() => video.play());
  });
  on('open-phone', 'Opening the phone …', 'The phone resumes where the laptop stopped.', () => {
    video.pause();
    phone.open(viewer, webinar);
  });
  $('close-phone').addEventListener('click', () => {
    phone.close();
    $('open-phone').focus();
  });

  on('cta', 'Recording the click …', 'Recorded. Only the first click counts.', () => player.cta());
  on('register', 'Registering …', 'Registered. Registering again sends no event.', () => player.register({ source: 'demo page' }));
  on('form', 'Submitting the form. The player retries until the receiver accepts it …', 'The receiver accepted the form. The service does not store the answers.', () => {
    const { rating, comment } = $('form').elements;
    return player.submitForm('feedback', { rating: rating.value, comment: comment.value });
  });

  const bindSwitch = (id, down, up) => $(id)?.addEventListener('click', async () => {
    const on = $(id).getAttribute('aria-checked') === 'true';
    await fetch(`/demo/${id}/${on ? 'down' : 'up'}`, { method: 'POST' })
      .then(() => showStatus(on ? down : up, on ? 'warn' : 'good'), showError);
    rows.refresh();
  });
  bindSwitch('receiver', 'The receiver is off. It rejects events, which stay queued.', 'The receiver is on. Queued events arrive shortly.');
  bindSwitch('database', 'The database is off. The service responds with 503, and the player retries.', 'The database is on.');

  on('forget', 'Starting over …', '', async () => {
    player.detach();
    phone.close();
    const response = await fetch(`/demo/forget?viewer=${viewer}`, { method: 'POST' });
    if (!response.ok) throw new Error('The database is unavailable.');
    Object.keys(localStorage).filter((key) => key.startsWith('autowebinar:')).forEach((key) => localStorage.removeItem(key));
    location.reload();
  });
}
