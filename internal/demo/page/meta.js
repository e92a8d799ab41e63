// Decodes the rows that the service writes to wp_usermeta.

const PREFIX = 'autowebinar_';
const utc = (text) => (text ? Date.parse(`${text.replace(' ', 'T')}Z`) : NaN);

/** Returns the viewer's session of a webinar, current or parked; null if there is none. */
export function session(rows, webinar) {
  const value = new Map(rows.map((row) => [row.meta_key.slice(PREFIX.length), row.meta_value]));
  const suffix = value.get('webinar_id') === webinar ? '' : `@${webinar}`;
  if (!value.get(`session_id${suffix}`)) return null;
  const number = (name) => Number(value.get(name + suffix) ?? 0);
  return {
    startedAt: utc(value.get(`started_at${suffix}`)),
    position: number('last_position_sec'),
    furthest: number('furthest_sec'),
    percent: number('progress_percent'),
    completed: number('completed') === 1,
  };
}

// The fields of an outbox value: percent-encoded and separated by bars.
const FIELDS = ['version', 'type', 'id', 'time', 'webinar', 'webinarType', 'session', 'detail', 'slot', 'attempts', 'first', 'next'];

/** Returns the queued events in their order. */
export function queued(rows) {
  return rows.filter((row) => /^autowebinar_outbox(_wait|_dead)?$/.test(row.meta_key)).map((row) => {
    const values = row.meta_value.split('|').map(decodeURIComponent);
    const message = Object.fromEntries(FIELDS.map((name, i) => [name, values[i]]));
    return { ...message, attempts: Number(message.attempts), next: Number(message.next), dead: row.meta_key.endsWith('_dead') };
  });
}
