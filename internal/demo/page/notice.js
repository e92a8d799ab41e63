// Messages: a status line, the player log, and an alert during an outage.

import { $, element, hour, write } from './dom.js';

/** Writes the status line below the player. kind: '', 'good', 'warn' or 'bad'. */
export function showStatus(text, kind = '') {
  write($('note'), text);
  $('note').className = kind;
}

/** Announces to screen readers what the page shows elsewhere. */
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
  service: 'The demo is not responding. It may have been stopped. The video keeps playing, and this page retries every second.',
  database: 'The database is unavailable. The rows are as last read; the player saves its position in the browser.',
};

/** Shows or hides the alert. fault: 'service', 'database' or null. */
export function alarm(fault) {
  $('alarm').hidden = !fault;
  write($('alarm'), fault ? alarms[fault] : '');
}
