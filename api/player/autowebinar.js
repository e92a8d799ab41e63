// The AutoWebinar player client: it turns what a viewer does with a <video> into
// reports to the service. An ES module without dependencies; no build step.
//
//   import { attach } from '/wp-json/autowebinar/v1/player.js';
//   const player = attach(document.querySelector('video'), { webinarId: 'intro', nonce: wpApiSettings.nonce });
//   player.addEventListener('state', (e) => console.log(e.detail)); // a Session of the service
//
// It enters at the first play and goes on where the viewer was; reports while the
// video plays and at play, pause, seek, end and hiding; leaves with the page.

/**
 * @param {HTMLMediaElement} video
 * @param {object} options
 * @param {string} options.webinarId
 * @param {string} [options.base] the service's base path, '/wp-json/autowebinar/v1' by default
 * @param {string} [options.nonce] a wp_rest nonce, beside the WordPress login cookie
 * @param {string} [options.token] a viewer token (JWT), instead of cookie and nonce
 */
export const attach = (video, options) => new Player(video, options);

/** Events: 'state' (detail: Session) after every answer, 'problem' (detail: Error) where no caller waits for one. */
export class Player extends EventTarget {
  #video; #webinarId; #base; #nonce; #token;
  #session = null; // as last answered
  #away = false; // left, and not come back
  #opening = null; // the promise of an enter or resume under way
  #sending = false; #due = false; // at most one report is under way; the next one waits for it
  #sought = false; // the viewer sought, and no report that says so has arrived
  #ownSeek = false; // the seek under way is ours
  #timer; #detached = new AbortController();

  constructor(video, { webinarId, base = '/wp-json/autowebinar/v1', nonce, token }) {
    super();
    this.#video = video;
    this.#webinarId = webinarId;
    this.#base = base.replace(/\/$/, '');
    this.#nonce = nonce;
    this.#token = token;
    const on = (target, type, listener) => target.addEventListener(type, listener, { signal: this.#detached.signal });
    on(video, 'play', () => this.#played());
    on(video, 'pause', () => this.#report());
    on(video, 'ended', () => this.#report());
    on(video, 'seeked', () => this.#seeked());
    on(document, 'visibilitychange', () => document.hidden && this.#report());
    on(window, 'pagehide', () => this.#unload());
    on(window, 'pageshow', (e) => e.persisted && this.#away && this.#quietly(this.resume()));
    if (!video.paused) this.#played();
  }

  /** The last answer of the service; null before the first. */
  get session() { return this.#session; }

  /** Begins the viewer's session, or goes on with it. Playing does it by itself. */
  enter() { return this.#open('enter'); }

  /** Comes back after leave(); does not play by itself. */
  resume() { return this.#open('resume'); }

  /** Leaves: 'user_exit', 'session_end' or 'network_loss'. The video is paused. */
  leave(reason = 'user_exit') {
    this.#away = true;
    this.#video.pause();
    return this.#update('exit', { ...this.#where(), leave_reason: reason });
  }

  /** The viewer clicked the call to action. */
  cta() { return this.#update('cta', { ...this.#which(), position_sec: this.#video.currentTime }); }

  /** Registers for the webinar; for a live one name webinarType 'live' and its slotId. */
  register({ source, webinarType, slotId }) {
    return this.#post('register', { webinar_id: this.#webinarId, source, webinar_type: webinarType, slot_id: slotId });
  }

  /**
   * Hands a form's answers over. The service stores none, so while they cannot be
   * delivered they are kept here and repeated under one id, which makes that harmless.
   */
  async submitForm(formId, payload, { submissionId = uuid(), attempts = 6 } = {}) {
    const body = { ...this.#which(), form_id: formId, form_payload: payload, submission_id: submissionId };
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#post('form', body, false);
      } catch (problem) {
        // No answer, too many, or a proxy or the service that cannot take it now.
        const passing = problem.status === undefined || [429, 502, 503, 504].includes(problem.status);
        if (!passing || attempt === attempts) throw problem;
        await new Promise((wake) => setTimeout(wake, 1000 * (problem.retryAfter || 2 ** attempt)));
      }
    }
  }

  /** Stops listening; leaves nothing and tells nobody. */
  detach() {
    this.#detached.abort();
    clearInterval(this.#timer);
  }

  #played() {
    if (this.#session && !this.#away) return this.#report();
    this.#quietly(this.#away ? this.resume() : this.enter());
  }

  #seeked() {
    if (this.#ownSeek) {
      this.#ownSeek = false;
    } else {
      this.#sought = true;
      this.#report();
    }
  }

  #open(route) {
    this.#opening ??= (async () => {
      const session = await this.#update(route, { webinar_id: this.#webinarId });
      this.#away = false;
      await this.#goTo(session.resume_position_sec);
      clearInterval(this.#timer);
      this.#timer = setInterval(() => (this.#sought || !this.#video.paused) && this.#report(), 1000 * session.heartbeat_sec);
      this.#report();
      return session;
    })().finally(() => { this.#opening = null; });
    return this.#opening;
  }

  async #goTo(seconds) {
    const video = this.#video;
    if (video.readyState < HTMLMediaElement.HAVE_METADATA) {
      await new Promise((loaded) => video.addEventListener('loadedmetadata', loaded, { once: true, signal: this.#detached.signal }));
    }
    if (Math.abs(video.currentTime - seconds) < 1) return;
    this.#ownSeek = true;
    video.currentTime = seconds;
  }

  async #report() {
    if (!this.#session || this.#away) return;
    this.#due = true;
    if (this.#sending) return;
    this.#sending = true;
    while (this.#due && !this.#away) {
      this.#due = false;
      const body = this.#where();
      this.#sought = false;
      try {
        await this.#update('progress', body);
      } catch (problem) {
        this.#sought ||= Boolean(body.seeked);
        this.#tell(problem);
        if (problem.status === 404 || problem.status === 409) this.#quietly(this.enter()); // the session is gone: erased, or another began
      }
    }
    this.#sending = false;
  }

  #which() { return this.#session ? { session_id: this.#session.session_id } : { webinar_id: this.#webinarId }; }

  #where() {
    const { currentTime, duration, ended } = this.#video;
    return {
      ...this.#which(), position_sec: currentTime, duration_sec: Number.isFinite(duration) ? duration : undefined,
      ended: ended || undefined, seeked: this.#sought || undefined,
    };
  }

  // The page may not live to see an answer. A beacon takes no headers, so its nonce stands in the address.
  #unload() {
    if (!this.#session || this.#away) return;
    const body = this.#where();
    this.#away = true;
    const beacon = () => navigator.sendBeacon(this.#url('exit', { _wpnonce: this.#nonce }), JSON.stringify(body));
    if ('keepalive' in Request.prototype) this.#update('exit', body).catch((problem) => problem.status === undefined && beacon());
    else beacon();
  }

  async #update(route, body) {
    const session = await this.#post(route, body);
    this.#session = session;
    this.dispatchEvent(new CustomEvent('state', { detail: session }));
    return session;
  }

  async #post(route, body, keepalive = true) {
    const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    else if (this.#nonce) headers['X-WP-Nonce'] = this.#nonce;
    const response = await fetch(this.#url(route), {
      method: 'POST', headers, body: JSON.stringify(body), keepalive, credentials: this.#token ? 'omit' : 'include',
    });
    this.#nonce = response.headers.get('X-WP-Nonce') || this.#nonce; // a page may be open for longer than a nonce lives
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    throw Object.assign(new Error(answer.message || response.statusText), {
      status: response.status, code: answer.code, data: answer.data, retryAfter: Number(response.headers.get('Retry-After')),
    });
  }

  // A site with plain permalinks has its routes in the query: /?rest_route=/autowebinar/v1
  #url(route, query = {}) {
    const url = `${this.#base}/${route}`;
    const more = new URLSearchParams(query).toString();
    return more ? url + (url.includes('?') ? '&' : '?') + more : url;
  }

  #quietly(promise) { promise.catch((problem) => this.#tell(problem)); }

  #tell(problem) { this.dispatchEvent(new CustomEvent('problem', { detail: problem })); }
}

// crypto.randomUUID is there on https pages only.
function uuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  return [...b].map((byte, i) => ([4, 6, 8, 10].includes(i) ? '-' : '') + byte.toString(16).padStart(2, '0')).join('');
}
