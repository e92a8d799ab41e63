// The timeline of events: those that wait, read from the rows, and those that
// the receiver of webhooks has seen.

import { $, copy, element, hour, pill, write } from './dom.js';

const short = (type) => (type ?? '').replace('client_webinar_', '').replaceAll('_', ' ') || 'unknown';
const brief = (id) => `id ${(id ?? '').slice(0, 8)}`;

/** Draws the events that wait; now is the database's time in milliseconds. */
export function drawWaiting(messages, now) {
  $('waiting-box').hidden = messages.length === 0;
  write($('waiting-count'), String(messages.length));
  const list = $('waiting');
  while (list.childElementCount > messages.length) list.lastElementChild.remove();
  while (list.childElementCount < messages.length) list.append(copy('waiting-template'));
  messages.forEach((message, i) => {
    const line = list.children[i].querySelector('.line');
    write(line.querySelector('strong'), short(message.type));
    write(line.querySelector('.facts'), [brief(message.id), tries(message, now)].join(' · '));
    pill(line.querySelector('.pill'), message.dead ? 'refused for good' : 'waiting', message.dead ? 'bad' : 'warn');
  });
}

function tries({ attempts, next }, now) {
  if (attempts === 0) return 'not tried yet';
  const left = Math.ceil(next - now / 1000);
  return `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}, next ${left > 0 ? `in ${left} s` : 'now'}`;
}

const items = new Map(); // webhook_id → {li, attempts}

/** Draws one attempt of an event, as the receiver saw it. */
export function drawReceipt(receipt) {
  const item = items.get(receipt.webhook_id) ?? { li: copy('event-template'), attempts: [] };
  items.set(receipt.webhook_id, item);
  item.attempts.push(receipt);
  const { li } = item;
  li.className = `event ${receipt.outcome}`;
  write(li.querySelector('strong'), short(receipt.type));
  write(li.querySelector('.facts'), [hour(new Date(receipt.at)), `attempt ${receipt.attempt}`, brief(receipt.webhook_id)].join(' · '));
  const [text, kind] = verdict(receipt);
  pill(li.querySelector('.pill'), text, kind);
  li.querySelector('dl').replaceChildren(...facts(receipt, item.attempts));
  li.querySelector('pre').textContent = receipt.body ? JSON.stringify(receipt.body, null, 2) : 'Not taken: the body is shown once it is.';
  $('events').prepend(li);
  while ($('events').childElementCount > 200) $('events').lastElementChild.remove();
  $('events-empty').hidden = true;
}

function verdict({ outcome, verified }) {
  if (!verified) return ['not genuine', 'bad'];
  return outcome === 'accepted' ? ['✓ verified', 'good'] : ['✓ verified, refused', 'warn'];
}

const answers = { accepted: '204, taken', down: '503, the receiver is off', forged: '401, not signed with the secret' };

function facts(receipt, attempts) {
  const story = attempts.map(({ at, attempt, outcome }) => `${attempt}: ${hour(new Date(at))}, ${answers[outcome]}`).join('\n');
  return [
    ['type', receipt.type ?? 'unknown'],
    ['webhook-id', receipt.webhook_id],
    ['webhook-timestamp', receipt.webhook_timestamp],
    ['webhook-signature', receipt.webhook_signature],
    ['attempts', story],
  ].flatMap(([name, value]) => [element('dt', name), element('dd', value || 'none')]);
}

/** Follows the receiver: onReceipt(receipt) for each attempt, onSink(down), onLost() when the stream breaks. */
export function follow({ onReceipt, onSink, onLost }) {
  const stream = new EventSource('/demo/events');
  stream.addEventListener('receipt', (event) => onReceipt(JSON.parse(event.data)));
  stream.addEventListener('sink', (event) => onSink(JSON.parse(event.data).down));
  stream.addEventListener('error', onLost);
}
