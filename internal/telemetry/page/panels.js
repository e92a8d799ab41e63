// Each function shows one part of a Status, as /status.json gives it.

import { bar, chart, smooth } from './chart.js';
import { $, element, fill, hour, lasting, number, pairs, write } from './dom.js';

const signs = { well: 'M7 12.5l3.5 3.5L17 9', warning: 'M12 6.5v7M12 17v.2', trouble: 'M8 8l8 8M16 8l-8 8', lost: 'M8 8l8 8M16 8l-8 8' };
const verdicts = { well: 'All is well', warning: 'Works, but look at this', trouble: 'There is trouble' };

export function banner(level, problems, verdict = verdicts[level]) {
  const box = $('banner');
  if (!box.classList.contains(level)) box.className = `banner ${level}`;
  box.querySelector('path').setAttribute('d', signs[level]);
  write($('verdict'), verdict);
  fill($('problems'), problems, () => problems.map(({ what, do: advice }) => {
    const item = element('li');
    item.append(element('strong', what), element('span', advice));
    return item;
  }));
  const marks = { well: '', warning: '! ', trouble: '✗ ', lost: '✗ ' };
  document.title = `${marks[level]}AutoWebinar status`;
}

export function head(s) {
  write($('host'), s.host);
  write($('version'), s.version);
  write($('uptime'), lasting((new Date(s.at) - new Date(s.started_at)) / 1000));
  write($('at'), hour(s.at));
}

export function tiles(s) {
  const of = (name) => s.history.map((sample) => sample[name]);
  tile('viewers', 'Viewers', s.viewing.viewers, of('viewers'), number);
  for (const name of ['reports', 'events']) {
    const rates = smooth(of(name));
    tile(name, `${name[0].toUpperCase()}${name.slice(1)} a second`, rates.at(-1) ?? 0, rates, number);
  }
  const lags = of('lag').map((lag) => (lag < 0 ? null : lag));
  tile('lag', 'Delivery lag', lags.findLast((lag) => lag !== null) ?? null, lags, age);
  write($('window'), String(s.viewing.window_sec));
}

// Events carry whole seconds: less than one cannot be told.
const age = (seconds) => (seconds < 1.5 ? '≤ 1 s' : lasting(seconds));

function tile(id, name, now, values, format) {
  const card = $(id);
  write(card.querySelector('.figure'), now === null ? '–' : format(now));
  chart(card.querySelector('figure'), name, values, format);
}

export function funnel({ viewing: v }) {
  const steps = [['Entered', v.entered], ...v.marks.map((m) => [`${m.percent} %`, m.sessions])];
  const most = Math.max(1, ...steps.map(([, n]) => n));
  fill($('funnel'), steps, () => steps.map(([name, n]) => {
    const item = element('li');
    const figures = element('span');
    figures.append(element('b', number(n)));
    // Sessions begun on another replica, or before the start, are not among those entered.
    if (name !== 'Entered' && v.entered > 0 && n <= v.entered) figures.append(element('span', ` · ${Math.round((100 * n) / v.entered)} %`, 'share'));
    item.append(element('span', name), bar(n / most), figures);
    return item;
  }));
  pairs($('viewing'), [
    ['Completed', number(v.completed)],
    ['Reports', number(v.reports)],
    ['Claimed too much', `${number(v.clamped)} reports were cut`],
    ['Came late', `${number(v.stale)} reports, or from a second tab`],
  ]);
}

export function delivery(s) {
  const { delivery: d, outbox: o } = s;
  write($('role'), role(d, o), `pill ${d.leads ? 'good' : ''}`);
  const [sink, kind] = sinkState(s);
  write($('sink'), sink, `pill ${kind}`);
  const counts = o?.at ? o : null;
  write($('due'), counts ? number(counts.due) : '–');
  write($('waiting'), counts ? number(counts.waiting) : '–', counts?.waiting ? 'warn' : '');
  write($('dead'), counts ? number(counts.dead) : '–', counts?.dead ? 'bad' : '');
  write($('oldest'), counts?.oldest ? lasting(s.oldest_age_sec) : '–', s.oldest_age_sec > 60 ? 'warn' : '');
  write($('counted'), counts ? `The whole site’s outbox, ${counts.roughly ? 'estimated' : 'counted'} at ${hour(counts.at)}${o.error ? `; since then: ${o.error}` : ''}`
    : d.no_sink ? 'There is no sink, so nothing waits for one.' : `Not counted yet${o?.error ? `: ${o.error}` : ''}`);
  pairs($('delivery'), [
    ['Accepted by the sink', number(d.accepted)],
    ['Failed attempts', number(d.failed)],
    ['Last accepted', d.accepted_at ? hour(d.accepted_at) : 'none yet'],
    ['Given up here', `${number(d.died)} events`],
    ['Withdrawn, their user gone', `${number(d.withdrawn)} events`],
    ['Of another version', counts ? `${number(counts.held)} events` : '–', counts?.held ? 'bad' : ''],
  ]);
}

function role(d, o) {
  if (d.leads) return 'This replica sends';
  if (d.no_sink) return 'Nobody sends';
  if (!o?.at) return d.off || 'Not known yet';
  if (o.error) return 'Who sends is not known';
  if (o.by_this) return 'This replica did send';
  return o.led ? 'Another replica sends' : d.off || 'No replica sends';
}

function sinkState({ delivery: d }) {
  if (d.no_sink) return ['No sink', 'warn'];
  if (!d.leads) return ['Sink: see the sender', ''];
  if (d.sink_up) return ['Sink answers', 'good'];
  return d.sink_known ? ['Sink fails', 'bad'] : ['Sink not known yet', ''];
}

export function errors({ mishaps }) {
  fill($('errors'), mishaps, () => {
    if (!mishaps.length) {
      const row = element('tr');
      row.append(Object.assign(element('td', 'None.', 'none'), { colSpan: 4 }));
      return [row];
    }
    return mishaps.map((m) => {
      const row = element('tr');
      const event = element('td', `${m.type}, user ${m.user}`);
      event.append(element('code', m.webhook_id));
      row.append(element('td', hour(m.last_at)), element('td', `${m.outcome}: ${m.error}`), element('td', number(m.times)), event);
      return row;
    });
  });
}

export function readiness({ readiness: r }) {
  const ready = r.status === 'ready';
  write($('ready'), ready ? 'Ready' : 'Not ready', `pill ${ready ? 'good' : 'bad'}`);
  const checks = Object.entries(r.checks).map(([name, c]) => [name, c.state === 'ok' ? 'ok' : c.reason, c.state === 'ok' ? '' : 'bad']);
  pairs($('checks'), [...checks, ...Object.entries(r.info)]);
}

export function work({ viewing: v, queue: q }) {
  pairs($('work'), [
    ['Requests', number(v.requests)],
    ['Failed with 500', number(v.failures), v.failures ? 'bad' : ''],
    ['Changes that wait', `${number(q.waiting)} of at most ${number(q.room)}`],
    ['Turned away', `${number(v.turned_away)} changes`, v.turned_away ? 'bad' : ''],
    ['Held by another writer', `${number(q.held)} viewers`],
    ['WordPress logins', v.logins_off ? `off: ${v.logins_off}` : 'on', v.logins_off ? 'bad' : ''],
  ]);
}

export function settings({ settings: list }) {
  pairs($('config'), list.map(({ name, value }) => [name, Array.isArray(value) ? value.join(', ') || 'none' : value === '' ? 'none' : value]));
}
