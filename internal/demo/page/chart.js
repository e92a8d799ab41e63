// Draws the viewer's progress: what was watched, the milestones, and the positions
// of this device, of the phone and of a live broadcast.

import { $, clock, write } from './dom.js';

const svg = $('chart');
const part = (name) => svg.querySelector(name);

/**
 * view: {name, duration, session (of meta.js, or null), at (this device, or null),
 * phone (position, or null), live (seconds since the start, or null)}.
 */
export function draw(view) {
  const { duration, session, at, phone, live } = view;
  const share = (seconds) => Math.max(0, Math.min(100, (100 * seconds) / duration));
  const furthest = session?.furthest ?? 0;
  part('.furthest').setAttribute('width', `${share(furthest)}%`);
  part('.unsent').setAttribute('width', at !== null && at > furthest ? `${share(at)}%` : 0);
  for (const milestone of svg.querySelectorAll('[data-milestone]')) {
    milestone.classList.toggle('done', (session?.percent ?? 0) >= Number(milestone.dataset.milestone));
  }
  placeMarker('.you', at, at, `You ${clock(at ?? 0)}`, share);
  placeMarker('.other', phone, phone, `Phone ${clock(phone ?? 0)}`, share);
  const over = live !== null && live >= duration;
  placeMarker('.live', live, Math.min(live ?? 0, duration), over ? 'Live has ended' : `Live ${clock(live ?? 0)}`, share);
  svg.setAttribute('height', phone === null ? 104 : 128);
  write($('where'), describe(view, over));
}

function placeMarker(name, shown, at, label, share) {
  const group = part(name);
  group.setAttribute('visibility', shown === null ? 'hidden' : 'visible');
  if (shown === null) return;
  const x = share(at);
  group.querySelector('circle')?.setAttribute('cx', `${x}%`);
  for (const end of ['x1', 'x2']) group.querySelector('line')?.setAttribute(end, `${x}%`);
  const text = group.querySelector('text');
  text.setAttribute('x', `${x}%`);
  text.setAttribute('text-anchor', x < 12 ? 'start' : x > 88 ? 'end' : 'middle');
  write(text, label);
}

function describe({ name, duration, session, at, live }, over) {
  if (!session) return `${name} has not entered yet.`;
  const here = at ?? session.position;
  const behind = Math.floor(live - here);
  const distance = Math.abs(behind) < 2 ? 'at the live position' : `${Math.abs(behind)} s ${behind > 0 ? 'behind' : 'ahead of'} the live position`;
  const comparison = over ? 'the live broadcast has ended' : distance;
  const milestone = session.completed ? 'completed' : `milestone reached: ${session.percent} %`;
  const unsent = here - session.furthest > 3 ? ` ${Math.floor(here - session.furthest)} s are not stored yet.` : '';
  return `Position ${clock(here)} of ${clock(duration)}, ${comparison}. Watched up to ${clock(session.furthest)}; ${milestone}.${unsent}`;
}
