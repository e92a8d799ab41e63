// What the keys of the service mean, in a sentence each.

const PREFIX = 'autowebinar_';

const meanings = {
  session_id: 'The session. It is made when the viewer first enters.',
  started_at: 'When the viewer first entered (UTC). The live point counts from here.',
  last_position_sec: 'Where the viewer is, in seconds. It moves back only when the viewer seeks back.',
  progress_percent: 'The highest mark reached: 0, 25, 50, 75 or 100. It never goes down.',
  completed: '1 once the end was reached. It is never reset.',
  cta_clicked_at: 'The first click on the offer (UTC).',
  last_seen_at: 'When the viewer was last heard of (UTC). It never goes back.',
  webinar_id: 'A key of the service’s own: which webinar this session is of.',
  furthest_sec: 'A key of the service’s own: how far was watched. Up to here, jumping is free.',
  left_at: 'A key of the service’s own: the first exit (UTC), which is told once a session.',
  registered: 'A key of the service’s own: when the viewer registered (UTC), which is told once.',
  outbox: 'An event, committed and not yet taken by the receiver. The row goes when it is taken.',
  outbox_wait: 'An event that waits for its next attempt. The row goes when the receiver takes it.',
  outbox_dead: 'An event that the receiver refused for good. Operations must decide.',
};

/** A key in its parts: the common prefix, its name, and the webinar that it is set aside for. */
export function parts(key) {
  const [name, webinar] = key.slice(PREFIX.length).split('@');
  return { prefix: PREFIX, name, webinar };
}

export function explain(key) {
  const { name, webinar } = parts(key);
  const meaning = meanings[name] ?? 'A key that this page does not know.';
  if (!webinar || name === 'registered') return meaning;
  return `${meaning} Set aside: entering “${webinar}” again brings it back.`;
}
