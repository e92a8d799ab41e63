// Each function shows one part of a status from /status.json.

import { bar, chart, movingAverage } from './chart.js';
import { $, duration, element, fill, number, pairs, setText, time } from './dom.js';

const cross = 'M8 8l8 8M16 8l-8 8';
const levels = {
  ok: { headline: 'All systems operational', icon: 'M7 12.5l3.5 3.5L17 9', titlePrefix: '' },
  warning: { headline: 'Attention needed', icon: 'M12 6.5v7M12 17v.2', titlePrefix: '! ' },
  critical: { headline: 'Service disrupted', icon: cross, titlePrefix: '✗ ' },
  disconnected: { headline: 'Service not responding', icon: cross, titlePrefix: '✗ ' },
};

export function banner(level, problems) {
  const { headline, icon, titlePrefix } = levels[level];
  const box = $('banner');
  if (!box.classList.contains(level)) box.className = `banner ${level}`;
  box.querySelector('path').setAttribute('d', icon);
  setText($('headline'), headline);
  fill($('problems'), problems, () => problems.map(({ summary, action }) => {
    const item = element('li');
    item.append(element('strong', summary), element('span', action));
    return item;
  }));
  document.title = `${titlePrefix}AutoWebinar status`;
}

export function header(s) {
  setText($('host'), s.host);
  setText($('version'), s.version);
  setText($('uptime'), duration((new Date(s.at) - new Date(s.started_at)) / 1000));
  setText($('at'), time(s.at));
}

export function tiles(s) {
  const values = (name) => s.history.map((sample) => sample[name]);
  tile('sessions', 'Active sessions', s.activity.active_sessions, values('active_sessions'), number);
  for (const [id, title] of [['reports', 'Reports per second'], ['events', 'Events per second']]) {
    const rates = movingAverage(values(id));
    tile(id, title, rates.at(-1) ?? 0, rates, number);
  }
  const lags = values('lag_sec').map((lag) => (lag < 0 ? null : lag));
  tile('lag', 'Delivery lag', lags.findLast((lag) => lag !== null) ?? null, lags, formatLag);
  setText($('window'), String(s.activity.window_sec));
}

// Event times are whole seconds, so a shorter lag cannot be measured.
const formatLag = (seconds) => (seconds < 1.5 ? '≤ 1 s' : duration(seconds));

function tile(id, title, value, values, format) {
  const card = $(id);
  setText(card.querySelector('.figure'), value === null ? '–' : format(value));
  chart(card.querySelector('figure'), title, values, format);
}

export function progress({ activity: a }) {
  const steps = [['Entered', a.entered], ...a.milestones.map((m) => [`${m.percent} %`, m.sessions])];
  const max = Math.max(1, ...steps.map(([, n]) => n));
  fill($('funnel'), steps, () => steps.map(([name, n]) => {
    const item = element('li');
    const figures = element('span');
    figures.append(element('b', number(n)));
    // Sessions that started on another replica, or before this one, are not counted as entered.
    if (name !== 'Entered' && a.entered > 0 && n <= a.entered) figures.append(element('span', ` · ${Math.round((100 * n) / a.entered)} %`, 'share'));
    item.append(element('span', name), bar(n / max), figures);
    return item;
  }));
  pairs($('reporting'), [
    ['Completed', number(a.completed)],
    ['Reports', number(a.reports)],
    ['Clamped reports', number(a.clamped)],
    ['Stale reports', number(a.stale)],
  ]);
}

export function delivery(s) {
  const { delivery: d, outbox: o } = s;
  setText($('role'), role(d, o, s.delivery_disabled), `pill ${d.running ? 'good' : ''}`);
  setText($('receiver'), ...receiver(d, o));
  const counts = o?.at ? o : null;
  setText($('due'), counts ? number(counts.due) : '–');
  setText($('deferred'), counts ? number(counts.deferred) : '–', counts?.deferred ? 'warn' : '');
  setText($('dead'), counts ? number(counts.dead) : '–', counts?.dead ? 'bad' : '');
  setText($('oldest'), counts?.oldest ? duration(s.oldest_age_sec) : '–', s.oldest_age_sec > 60 ? 'warn' : '');
  setText($('counted'), counted(o));
  pairs($('delivery'), [
    ['Accepted events', number(d.accepted)],
    ['Failed attempts', number(d.failed)],
    ['Last accepted', d.last_success ? time(d.last_success) : 'never'],
    ['Dead-lettered events', number(d.dead)],
    ['Discarded (user deleted)', number(d.discarded)],
    ['Unsupported version', counts ? number(counts.unsupported_version) : '–', counts?.unsupported_version ? 'bad' : ''],
  ]);
}

function role(d, o, disabled) {
  if (d.running) return 'Leader';
  if (!o) return 'Delivery disabled';
  if (!o.at || o.error) return disabled || 'Leader unknown';
  if (o.is_leader) return 'No longer leader';
  return o.has_leader ? 'Another replica is the leader' : disabled || 'No leader';
}

function receiver(d, o) {
  if (!o) return ['No receiver', 'pill warn'];
  if (!d.running) return ['Receiver: see the leader', 'pill'];
  if (d.receiver_up) return ['Delivering', 'pill good'];
  return d.receiver_known ? ['Not delivering', 'pill bad'] : ['Receiver not tried yet', 'pill'];
}

function counted(o) {
  if (!o) return 'No receiver is configured, so no events are stored.';
  if (!o.at) return `Not counted yet${o.error ? `: ${o.error}` : ''}`;
  return `Outbox of all replicas, ${o.approximate ? 'estimated' : 'counted'} at ${time(o.at)}${o.error ? `; last count failed: ${o.error}` : ''}`;
}

export function errors({ recent_errors: list }) {
  fill($('errors'), list, () => {
    if (!list.length) {
      const row = element('tr');
      row.append(Object.assign(element('td', 'None', 'none'), { colSpan: 4 }));
      return [row];
    }
    return list.map((e) => {
      const row = element('tr');
      const event = element('td', `${e.type}, user ${e.user}`);
      event.append(element('code', e.webhook_id));
      row.append(element('td', time(e.last_at)), element('td', `${e.outcome}: ${e.error}`), element('td', number(e.count)), event);
      return row;
    });
  });
}

export function readiness({ readiness: r }) {
  const ready = r.status === 'ready';
  setText($('ready'), ready ? 'Ready' : 'Not ready', `pill ${ready ? 'good' : 'bad'}`);
  const checks = Object.entries(r.checks).map(([name, c]) => [name, c.state === 'ok' ? 'ok' : c.reason, c.state === 'ok' ? '' : 'bad']);
  pairs($('checks'), [...checks, ...Object.entries(r.info)]);
}

export function requests({ activity: a, queue: q, salts }) {
  pairs($('requests'), [
    ['Requests', number(a.requests)],
    ['Internal errors (500)', number(a.server_errors), a.server_errors ? 'bad' : ''],
    ['Queued changes', `${number(q.queued)} of ${number(q.capacity)}`],
    ['Rejected changes', number(a.rejected), a.rejected ? 'bad' : ''],
    ['Viewers waiting for locks', number(q.lock_waiters)],
    ['WordPress logins', salts.state === 'ok' ? 'enabled' : `disabled: ${salts.detail}`, salts.state === 'ok' ? '' : 'bad'],
  ]);
}

export function settings({ settings: list }) {
  pairs($('config'), Object.entries(list).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') || 'none' : value === '' ? 'none' : value]));
}
