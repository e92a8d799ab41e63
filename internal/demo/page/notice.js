// What the page tells: one line for the last thing that happened, a log of what
// the player said, and an alarm for what is broken.

import { $, element, hour, write } from './dom.js';

/** The one line under the player; it is read out. kind: '', 'good', 'warn' or 'bad'. */
export function say(text, kind = '') {
  write($('note'), text);
  $('note').className = kind;
}

/** Read out, not shown: what the page shows elsewhere already. */
export const announce = (text) => write($('announce'), text);

let count = 0;

export function log(text, kind = '') {
  if (count === 0) $('log').replaceChildren();
  write($('log-count'), String(++count));
  const item = element('li', '', kind);
  item.append(element('time', hour(new Date())), ` ${text}`);
  $('log').prepend(item);
  while ($('log').childElementCount > 100) $('log').lastElementChild.remove();
}

const alarms = {
  service: 'The demo does not answer. Was it stopped? The video plays on; this page tries again each second.',
  database: 'The database does not answer. What is shown is what was last read; the player keeps what it cannot send.',
};

/** fault: 'service', 'database', or null when all is well. */
export function alarm(fault) {
  $('alarm').hidden = !fault;
  write($('alarm'), fault ? alarms[fault] : '');
}
