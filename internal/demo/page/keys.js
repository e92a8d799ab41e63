// Descriptions of the service's keys.

const PREFIX = 'autowebinar_';

const descriptions = {
  session_id: 'The session id. It is created when the viewer first enters.',
  started_at: 'When the viewer first entered (UTC). The live position counts from here.',
  last_position_sec: 'The current position in seconds. It decreases only when the viewer seeks back.',
  progress_percent: 'The highest milestone reached: 0, 25, 50, 75 or 100. It never decreases.',
  completed: '1 once the end was reached. It is never reset.',
  cta_clicked_at: 'The first click on the offer (UTC).',
  last_seen_at: 'The last request of the viewer (UTC). It never decreases.',
  webinar_id: 'Added by the service: the webinar of this session.',
  furthest_sec: 'Added by the service: how far the viewer has watched. Jumps up to here are not limited.',
  left_at: 'Added by the service: the first exit (UTC). It sends one event per session.',
  registered: 'Added by the service: when the viewer registered (UTC). It sends one event.',
  outbox: 'An event that is not delivered yet. The row is deleted on delivery.',
  outbox_wait: 'An event that waits for its next attempt. The row is deleted on delivery.',
  outbox_dead: 'An event that could not be delivered. An operator has to retry or drop it.',
};

/** Splits a key into the common prefix, its name and, for a parked session, the webinar. */
export function parts(key) {
  const [name, webinar] = key.slice(PREFIX.length).split('@');
  return { prefix: PREFIX, name, webinar };
}

export function explain(key) {
  const { name, webinar } = parts(key);
  const description = descriptions[name] ?? 'Unknown key.';
  if (!webinar || name === 'registered') return description;
  return `${description} Parked: entering “${webinar}” again restores it.`;
}
