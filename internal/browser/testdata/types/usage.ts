// Code of a page in strict TypeScript: what must compile and what must not.

import { attach, type Attachment, type Session } from './autowebinar';

const video = document.querySelector('video')!;
const attachment: Attachment = attach(video, { webinarId: 'intro', enterAt: 'now', preventForwardSeek: true });
attach(video);
attach(video, { webinarId: 'intro', token: async () => (await fetch('/token')).text() });

attachment.addEventListener('state', ({ detail }) => { const session: Session = detail; session.resume_position_sec.toFixed(); });
attachment.addEventListener('mark', ({ detail }) => { const percent: 25 | 50 | 75 | 100 = detail.percent; void percent; });
attachment.addEventListener('offline', function ({ detail }) { this.session; detail.offline === true; });
attachment.addEventListener('error', ({ detail }) => `${detail.status} ${detail.code} ${detail.message} ${detail.retryAfter}`);
video.addEventListener('autowebinar', ({ detail }) => detail.detach());

export async function use() {
  const entered: Session = await attachment.enter();
  const left: Session | null = await attachment.leave('session_end');
  const live: number | null = attachment.livePosition;
  await attachment.register({ source: 'landing page', webinarType: 'live', slotId: '20:00' });
  const { submission_id } = await attachment.submitForm('survey', { liked: true });
  window.AutoWebinar?.attach(video, { webinarId: 'intro' });
  return [entered, left, live, submission_id];
}

// @ts-expect-error a number is not a player
attach(7);
// @ts-expect-error unknown reason
void attachment.leave('bored');
// @ts-expect-error unknown value
attach(video, { enterAt: 'later' });
// @ts-expect-error the session is read-only
attachment.session = null;
