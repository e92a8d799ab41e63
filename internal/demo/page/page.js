// The demo's page: the player client beside what it brings about, the rows of
// wp_usermeta and the webhooks.

const { base, nonce, viewer, webinar } = document.body.dataset;
const $ = (id) => document.getElementById(id);
const element = (name, text, className = '') => Object.assign(document.createElement(name), { textContent: text, className });

const { attach } = await import(`${base}/player.js`);
const player = attach($('video'), { webinarId: webinar, base, nonce });

// What the viewer does.

function note(text, bad = false) {
  $('note').textContent = text;
  $('note').className = bad ? 'bad' : '';
}

function complain(problem) {
  const switched = problem.code === 'rest_cookie_invalid_nonce';
  note(switched ? 'This browser is logged in as the other viewer now: reload the page.'
    : `${problem.status ?? 'no answer'} ${problem.code ?? ''}: ${problem.message}`, true);
}

function on(id, what, act) {
  const target = $(id);
  target.addEventListener(target instanceof HTMLFormElement ? 'submit' : 'click', async (event) => {
    event.preventDefault();
    note(`${what} …`);
    try {
      await act();
      note(`${what}: done.`);
    } catch (problem) {
      complain(problem);
    }
    showRows();
  });
}

on('leave', 'Leave', () => player.leave());
on('back', 'Come back', async () => {
  await player.resume();
  await $('video').play();
});
on('cta', 'Click the offer', () => player.cta());
on('register', 'Register', () => player.register({ source: 'demo page' }));
on('form', 'Submit the form', () => player.submitForm('feedback', { comment: $('form').elements.comment.value }));
on('down', 'Take the sink down', () => fetch('/demo/sink/down', { method: 'POST' }));
on('up', 'Bring the sink back', () => fetch('/demo/sink/up', { method: 'POST' }));

player.addEventListener('problem', (event) => complain(event.detail));
player.addEventListener('state', ({ detail: session }) => {
  $('session').replaceChildren(...Object.entries(session).flatMap(([name, value]) => [
    element('dt', name), element('dd', value === null ? 'null' : String(value))]));
  if (session.clamped) note('The service cut the position: one cannot have watched that far yet.');
  else if ($('note').textContent.startsWith('Press play')) note('');
  showRows();
});

// The rows, once a second and whenever something happened.

let shown = null; // the rows on screen by umeta_id, each as text
let showing = false;

async function showRows() {
  if (showing) return;
  showing = true;
  try {
    const { rows } = await (await fetch(`/demo/rows?viewer=${viewer}`)).json();
    const now = new Map(rows.map((row) => [row.umeta_id, JSON.stringify(row)]));
    if (shown && [...now].join() === [...shown].join()) return;
    $('rows').replaceChildren(...rows.map((row) => {
      const tr = element('tr', '', shown && shown.get(row.umeta_id) !== now.get(row.umeta_id) ? 'changed' : '');
      tr.append(element('td', row.umeta_id), element('td', row.meta_key), element('td', row.meta_value));
      return tr;
    }));
    if (rows.length === 0) $('rows').append(emptyRow());
    shown = now;
  } catch {
    note('The demo does not answer. Was it stopped?', true);
  } finally {
    showing = false;
  }
}

function emptyRow() {
  const cell = element('td', 'none yet', 'empty');
  cell.colSpan = 3;
  const row = element('tr', '');
  row.append(cell);
  return row;
}

showRows();
setInterval(() => document.hidden || showRows(), 1000);

// The events, as the sink receives them.

const stream = new EventSource('/demo/events');

stream.addEventListener('sink', (event) => {
  const { down } = JSON.parse(event.data);
  $('sink').textContent = down ? 'down' : 'up';
  $('sink').className = down ? 'bad' : 'good';
  $('down').disabled = down;
  $('up').disabled = !down;
});

stream.addEventListener('receipt', (event) => {
  const receipt = JSON.parse(event.data);
  const item = element('li', '');
  const time = new Date(receipt.at).toLocaleTimeString();
  const type = receipt.body?.type ?? 'not taken';
  const verdict = receipt.verified ? 'signature verified' : receipt.reason;
  item.append(
    element('strong', type, receipt.outcome === 'accepted' ? '' : 'bad'),
    ` · viewer ${receipt.user || '?'} · ${time} · `,
    element('span', verdict, receipt.verified ? 'good' : 'bad'),
    receipt.outcome === 'down' ? ' · refused: the sink is down' : '',
    receipt.repeat ? ' · seen before' : '',
    element('code', receipt.body ? JSON.stringify(receipt.body.data ?? receipt.body) : `webhook-id ${receipt.webhook_id}`),
  );
  $('events').prepend(item);
  while ($('events').childElementCount > 500) $('events').lastElementChild.remove();
  showRows();
});
