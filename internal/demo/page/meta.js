// Reads the rows of wp_usermeta, as the service writes them.

const PREFIX = 'autowebinar_';
const utc = (text) => (text ? Date.parse(`${text.replace(' ', 'T')}Z`) : NaN);

/** The viewer's session of a webinar, the current one or one set aside; null if there is none. */
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

// The parts of an outbox value, percent-encoded, between bars.
const PARTS = ['version', 'type', 'id', 'time', 'webinar', 'webinarType', 'session', 'detail', 'slot', 'attempts', 'first', 'next'];

/** The events that wait, in their order. */
export function waiting(rows) {
  return rows.filter((row) => /^autowebinar_outbox(_wait|_dead)?$/.test(row.meta_key)).map((row) => {
    const values = row.meta_value.split('|').map(decodeURIComponent);
    const message = Object.fromEntries(PARTS.map((name, i) => [name, values[i]]));
    return { ...message, attempts: Number(message.attempts), next: Number(message.next), dead: row.meta_key.endsWith('_dead') };
  });
}
