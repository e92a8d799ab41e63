// The timeline of events: the queued ones, from the rows, and those that the
// receiver has got.

import { $, copy, element, hour, pill, write } from './dom.js';

const short = (type) => (type ?? '').replace('client_webinar_', '').replaceAll('_', ' ') || 'unknown';
const brief = (id) => `id ${(id ?? '').slice(0, 8)}`;

/** Draws the queued events; now is the database's time in milliseconds. */
export function drawQueued(messages, now) {
  $('queued-box').hidden = messages.length === 0;
  write($('queued-count'), String(messages.length));
  const list = $('queued');
  while (list.childElementCount > messages.length) list.lastElementChild.remove();
  while (list.childElementCount < messages.length) list.append(copy('queued-template'));
  messages.forEach((message, i) => {
    const line = list.children[i].querySelector('.line');
    write(line.querySelector('strong'), short(message.type));
    write(line.querySelector('.details'), [brief(message.id), attemptText(message, now)].join(' · '));
    pill(line.querySelector('.pill'), message.dead ? 'failed' : 'queued', message.dead ? 'bad' : 'warn');
  });
}

function attemptText({ attempts, next }, now) {
  if (attempts === 0) return 'no attempt yet';
  const left = Math.ceil(next - now / 1000);
  return `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}, next ${left > 0 ? `in ${left} s` : 'now'}`;
}

const items = new Map(); // webhook_id → {li, attempts}

/** Draws one delivery attempt, as the receiver saw it. */
export function drawReceipt(receipt) {
  const item = items.get(receipt.webhook_id) ?? { li: copy('event-template'), attempts: [] };
  items.set(receipt.webhook_id, item);
  item.attempts.push(receipt);
  const { li } = item;
  li.className = `event ${receipt.outcome}`;
  write(li.querySelector('strong'), short(receipt.type));
  write(li.querySelector('.details'), [hour(new Date(receipt.at)), `attempt ${receipt.attempt}`, brief(receipt.webhook_id)].join(' · '));
  const [text, kind] = status(receipt);
  pill(li.querySelector('.pill'), text, kind);
  li.querySelector('dl').replaceChildren(...details(receipt, item.attempts));
  li.querySelector('pre').textContent = receipt.body ? JSON.stringify(receipt.body, null, 2) : 'The body is shown once the event is accepted.';
  $('events').prepend(li);
  while ($('events').childElementCount > 200) $('events').lastElementChild.remove();
  $('events-empty').hidden = true;
}

function status({ outcome, verified }) {
  if (!verified) return ['invalid signature', 'bad'];
  return outcome === 'accepted' ? ['✓ verified', 'good'] : ['✓ verified, rejected', 'warn'];
}

const outcomes = { accepted: '204 accepted', down: '503 receiver off', forged: '401 invalid signature' };

function details(receipt, attempts) {
  const history = attempts.map(({ at, attempt, outcome }) => `${attempt}: ${hour(new Date(at))}, ${outcomes[outcome]}`).join('\n');
  return [
    ['type', receipt.type ?? 'unknown'],
    ['webhook-id', receipt.webhook_id],
    ['webhook-timestamp', receipt.webhook_timestamp],
    ['webhook-signature', receipt.webhook_signature],
    ['attempts', history],
  ].flatMap(([name, value]) => [element('dt', name), element('dd', value || 'none')]);
}

/** Follows the receiver: onReceipt(receipt) for each attempt, onSwitch(down), onLost() when the stream breaks. */
export function follow({ onReceipt, onSwitch, onLost }) {
  const stream = new EventSource('/demo/events');
  stream.addEventListener('receipt', (event) => onReceipt(JSON.parse(event.data)));
  stream.addEventListener('receiver', (event) => onSwitch(JSON.parse(event.data).down));
  stream.addEventListener('error', onLost);
}
