// The AutoWebinar player client: it reports to the service what a viewer does with
// a video. Its interface is described in autowebinar.d.ts.
//
//   import { attach } from '/wp-json/autowebinar/v1/player.js';
//   const attachment = attach(document.querySelector('video'), { webinarId: 'intro' });
//   attachment.addEventListener('state', (e) => console.log(e.detail)); // a Session of the service

import { Client, backoff, clientError, isTemporary, isUnauthorized } from './client.js';
import { Journal, WEEK, exclusive } from './journal.js';
import { Playhead } from './playhead.js';
import { toMedia } from './media.js';
import { Forms } from './forms.js';
import { attachFromScriptTag, completeOptions } from './page.js';

/** @typedef {import('./autowebinar').Session} Session */
/** @typedef {import('./autowebinar').Options} Options */
/** @typedef {import('./autowebinar').AutoWebinarError} AutoWebinarError */
/** @typedef {import('./journal.js').PendingReport} PendingReport */

/**
 * @param {any} player
 * @param {Partial<Options>} [options]
 */
export const attach = (player, options = {}) => new Attachment(player, completeOptions(options));

class Attachment extends EventTarget {
  /** @type {Session | null} */ #session = null; // the last response
  #receivedAt = 0; // when it arrived
  /** @type {'' | 'leave' | 'pagehide'} */ #exitedBy = '';
  /** @type {Promise<Session> | null} */ #opening = null; // an enter or resume in progress
  /** @type {'' | 'enter' | 'resume'} */ #openLater = ''; // one that failed and is to be retried
  #reportDue = false; #sending = false; // reports are sequential
  #reportedAt = 0; #reportedMilestone = 0;
  #attempt = 0; #unauthorized = false; #offline = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retryTimer; // while it is set, reports are only saved
  /** @type {ReturnType<typeof setInterval> | undefined} */ #heartbeat;
  /** @type {Playhead | null} */ #playhead = null;
  #journal = new Journal('session');
  #detached = new AbortController();
  #options; #client; #forms;

  /** @param {any} player @param {Options & { base: string }} options */
  constructor(player, options) {
    super();
    this.#options = options;
    this.#client = new Client(options);
    const { signal } = this.#detached;
    this.#forms = new Forms(this.#client, (error) => this.#emit('error', error), signal);
    /** @type {(target: EventTarget, type: string, listener: (event: any) => void) => void} */
    const on = (target, type, listener) => target.addEventListener(type, listener, { signal });
    on(document, 'visibilitychange', () => document.hidden && this.#report());
    on(window, 'pagehide', () => this.#onPageHide());
    on(window, 'pageshow', (event) => event.persisted && this.#exitedBy === 'pagehide' && this.#openInBackground('resume'));
    on(window, 'online', () => this.#retryTimer && this.#scheduleRetry(Math.random()));
    const media = toMedia(player, (name) => this.#client.url(`player/${name}.js`));
    if (media instanceof Promise) media.then((adapted) => this.#follow(adapted)).catch((error) => this.#emit('error', error));
    else this.#follow(media);
  }

  get session() { return this.#session; }

  get livePosition() {
    if (!this.#session) return null;
    const elapsed = Math.max(0, Date.now() - this.#receivedAt) / 1000;
    return Math.min(this.#session.live_offset_sec + elapsed, this.#playhead?.duration ?? Infinity);
  }

  enter() { return this.#open('enter'); }

  resume() { return this.#open('resume'); }

  /** @param {string} [reason] */
  async leave(reason = 'user_exit') {
    if (!this.#session || !this.#playhead) return null;
    this.#exitedBy = 'leave';
    this.#playhead.pause();
    const report = this.#saveReport(reason);
    try {
      return await this.#deliver(report);
    } catch (error) {
      this.#handleError(error);
      if (isTemporary(error)) return null; // the report is delivered later
      throw error;
    }
  }

  cta() { return this.#update('cta', { ...this.#sessionRef(), position_sec: this.#playhead?.position }); }

  /** @param {{ source: string, webinarType?: string, slotId?: string }} registration */
  register({ source, webinarType, slotId }) {
    return this.#client.request('register', { webinar_id: this.#options.webinarId, source, webinar_type: webinarType, slot_id: slotId });
  }

  /** @param {string} formId @param {object} answers @param {{ submissionId?: string }} [options] */
  async submitForm(formId, answers, { submissionId } = {}) {
    const session = this.#session ?? await this.#forms.retry(() => this.#fetchSession());
    return this.#forms.submit(session.session_id, formId, answers, submissionId);
  }

  detach() {
    this.#detached.abort();
    clearInterval(this.#heartbeat);
    clearTimeout(this.#retryTimer);
    this.#playhead?.close();
  }

  /** @param {import('./autowebinar').Media} media */
  #follow(media) {
    if (this.#detached.signal.aborted) return;
    const { duration, preventForwardSeek, enterAt } = this.#options;
    this.#playhead = new Playhead(media, (event) => this.#onPlayheadEvent(event), { duration, preventForwardSeek, signal: this.#detached.signal });
    this.#forms.resume();
    if (this.#session) this.#playhead.seekTo(this.#session.resume_position_sec); // the page has already entered
    else if (enterAt === 'now' || this.#playhead.playing) this.#openInBackground('enter');
    else this.#deliverPending().catch((error) => this.#handleError(error));
  }

  /** @param {'play' | 'report' | 'tick' | 'prevented'} event */
  #onPlayheadEvent(event) {
    if (event === 'play') this.#onPlay();
    else if (event === 'report') this.#report();
    else if (event === 'tick') this.#onTick();
    else this.#emit('clamped', this.#session);
  }

  // The report at play tells the service that the time before it was not watched.
  #onPlay() {
    this.#unauthorized = false;
    if (this.#session && !this.#exitedBy) this.#report();
    else if (!this.#retryTimer) this.#openInBackground(this.#exitedBy ? 'resume' : 'enter');
    else this.#openLater ||= this.#exitedBy ? 'resume' : 'enter';
  }

  // Timers of hidden tabs fire late, so each tick compares the time of day.
  #onTick() {
    const playhead = this.#playhead, session = this.#session;
    if (!playhead?.playing || !session || this.#exitedBy) return;
    const elapsed = Date.now() - this.#reportedAt;
    if (elapsed < 0 || elapsed > 1000 * session.heartbeat_sec - 250) return this.#report();
    const percent = 100 * Math.floor(playhead.position) / (playhead.duration ?? Infinity);
    const milestone = [75, 50, 25].find((value) => percent >= value) ?? 0;
    if (milestone <= Math.max(this.#reportedMilestone, session.progress_percent)) return;
    this.#reportedMilestone = milestone;
    this.#report();
  }

  /** @param {'enter' | 'resume'} route */
  #open(route) {
    this.#opening ??= this.#openSession(route).catch((error) => {
      if (isTemporary(error)) this.#openLater = route;
      this.#handleError(error);
      throw error;
    }).finally(() => { this.#opening = null; this.#report(); });
    return this.#opening;
  }

  /** @param {'enter' | 'resume'} route @returns {Promise<Session>} */
  async #openSession(route) {
    const playhead = this.#playhead, isRetry = this.#openLater === route, sought = playhead?.sought;
    await this.#deliverPending(); // first, because what was watched before the entry would not count after it
    const body = { webinar_id: this.#options.webinarId };
    const session = await this.#update(route, body).catch((error) => {
      if (route === 'resume' && error.status === 404) return this.#update('enter', body);
      throw error;
    });
    this.#exitedBy = this.#openLater = '';
    this.#unauthorized = false;
    this.#attempt = 0;
    if (this.#detached.signal.aborted) return session;
    clearInterval(this.#heartbeat);
    this.#heartbeat = setInterval(() => this.#onTick(), 1000 * session.heartbeat_sec);
    if (!playhead || (playhead.sought && !sought)) return session; // the viewer has chosen a position meanwhile
    const { resume_position_sec: resumeAt, last_position_sec: last } = session;
    const ahead = resumeAt - playhead.position;
    if (ahead > 1 || (ahead < -1 && resumeAt > 0 && !isRetry)) playhead.seekTo(resumeAt);
    playhead.sought ||= last > resumeAt; // a completed webinar starts from the beginning
    return session;
  }

  // Sends a report, or saves it while the service is unavailable.
  #report() {
    if (!this.#session || this.#exitedBy || !this.#playhead?.settled) return;
    this.#reportDue = true;
    if (this.#retryTimer || this.#unauthorized) this.#saveReport();
    else if (!this.#sending && !this.#opening) this.#sendReports();
  }

  async #sendReports() {
    this.#sending = true;
    while (this.#reportDue && !this.#exitedBy && !this.#retryTimer && !this.#unauthorized && this.#session) {
      this.#reportDue = false;
      try {
        await this.#deliver(this.#saveReport());
        this.#attempt = 0;
      } catch (error) {
        this.#handleError(error);
      }
    }
    this.#sending = false;
  }

  /**
   * Saves a report of the present state, merged with the one that is not delivered yet.
   * @param {string} [exit] @returns {PendingReport}
   */
  #saveReport(exit) {
    const playhead = /** @type {Playhead} */ (this.#playhead), session = /** @type {Session} */ (this.#session);
    /** @type {Partial<PendingReport>} */
    const before = this.#journal.read(session.session_id) ?? {};
    const report = {
      session_id: session.session_id,
      position: playhead.position,
      furthest: Math.max(playhead.position, playhead.furthest, before.furthest ?? 0),
      duration: playhead.duration,
      ended: playhead.ended || before.ended,
      sought: playhead.sought || before.sought,
      jumped: playhead.jumped || before.jumped,
      exit: exit ?? before.exit,
      seen: session.last_seen_at,
      at: Date.now(),
    };
    playhead.sought = playhead.jumped = false;
    this.#reportedAt = report.at;
    this.#journal.write(report.session_id, report);
    return report;
  }

  /**
   * Returns the request for a report, and the one to send before it if the viewer has
   * seeked back from a position that was not reported.
   * @param {PendingReport} report
   */
  #toRequests({ session_id, position, furthest, duration, ended, sought, exit }) {
    const reported = this.#session?.session_id === session_id ? this.#session.furthest_sec : 0;
    const isBehind = furthest - Math.max(position, reported) > 1;
    const common = { session_id, duration_sec: duration };
    return {
      before: isBehind ? { ...common, position_sec: furthest, ended: ended || undefined } : null,
      route: exit ? 'exit' : 'progress',
      body: { ...common, position_sec: position, ended: (!isBehind && ended) || undefined, seeked: sought || undefined, leave_reason: exit },
    };
  }

  /** @param {PendingReport} report @returns {Promise<Session>} */
  async #deliver(report) {
    const { before, route, body } = this.#toRequests(report);
    if (before) await this.#update('progress', before);
    const session = await this.#update(route, body, report.jumped);
    this.#onDelivered(report);
    return session;
  }

  /** @param {PendingReport} report */
  #onDelivered(report) {
    const current = this.#journal.read(report.session_id);
    if (current?.at === report.at) this.#journal.remove(report.session_id);
    const playhead = this.#playhead;
    if (playhead && report.session_id === this.#session?.session_id) playhead.furthest = playhead.position;
  }

  // Delivers the saved reports of this page and of earlier ones. Only one of several tabs does.
  async #deliverPending() {
    for (const key of this.#journal.keys()) {
      await exclusive(`session:${key}`, async () => {
        const report = this.#journal.read(key);
        if (!report) return;
        if (Date.now() - report.at > WEEK) return this.#journal.remove(key);
        try {
          if (key !== this.#session?.session_id && report.sought) report.sought = await this.#isLatest(report);
          await this.#deliver(report);
        } catch (error) {
          const { status } = /** @type {AutoWebinarError} */ (error);
          if (isTemporary(error) || isUnauthorized(error)) throw error;
          // 409: the session belongs to another viewer, who may log in again.
          if (status !== 409) this.#journal.remove(key);
        }
      });
    }
  }

  /**
   * Reports whether the session has had no report since this one was saved. If it
   * has, the seek back in this report would undo later progress.
   * @param {PendingReport} report
   */
  async #isLatest({ session_id, seen }) {
    const session = await this.#fetchSession().catch((error) => {
      if (isTemporary(error)) throw error;
    });
    return session?.session_id === session_id && session.last_seen_at === seen;
  }

  /** @returns {Promise<Session>} */
  #fetchSession() { return this.#client.request('session', undefined, { query: { webinar_id: this.#options.webinarId } }); }

  // The page may be closed before the response arrives, so the report is kept until it does.
  #onPageHide() {
    if (!this.#session || !this.#playhead || this.#exitedBy) return;
    const report = this.#saveReport(this.#playhead.ended ? 'session_end' : 'user_exit');
    this.#exitedBy = 'pagehide';
    const { before, route, body } = this.#toRequests(report);
    this.#client.sendLast(route, body).then((arrived) => arrived && !before && this.#onDelivered(report));
  }

  #sessionRef() { return this.#session ? { session_id: this.#session.session_id } : { webinar_id: this.#options.webinarId }; }

  /**
   * @param {string} route @param {object} body
   * @param {boolean} [jumped] whether the video is moved back if the service limits the position
   * @returns {Promise<Session>}
   */
  async #update(route, body, jumped) {
    /** @type {Session} */
    const session = await this.#client.request(route, body);
    if (!session.session_id) throw clientError('not a response of the service', { code: 'invalid_json' });
    this.#onReachable();
    if (route === 'enter' || route === 'resume' || session.session_id === this.#session?.session_id) this.#setSession(session, jumped);
    return session;
  }

  /** @param {Session} session @param {boolean} [jumped] */
  #setSession(session, jumped) {
    const before = this.#session?.session_id === session.session_id ? this.#session : null;
    if (!before) this.#reportedMilestone = 0;
    this.#session = session;
    this.#receivedAt = Date.now();
    const playhead = this.#playhead;
    if (playhead) playhead.allowed = session.completed ? Infinity : session.furthest_sec;
    this.#emit('state', session);
    for (const percent of [25, 50, 75, 100]) {
      if (before && before.progress_percent < percent && percent <= session.progress_percent) this.#emit('mark', { percent });
    }
    if (before && !before.completed && session.completed) this.#emit('completed', session);
    if (!session.clamped) return;
    if (jumped) playhead?.seekTo(session.last_position_sec);
    this.#emit('clamped', session);
  }

  #onReachable() {
    if (this.#retryTimer) this.#scheduleRetry(0);
    if (this.#offline) this.#emit('offline', { offline: this.#offline = false });
  }

  /** @param {any} error */
  #handleError(error) {
    if (isTemporary(error)) {
      if (!this.#offline) this.#emit('offline', { offline: this.#offline = true });
      this.#scheduleRetry(backoff(++this.#attempt, error.retryAfter));
    } else if (isUnauthorized(error)) {
      this.#unauthorized = true; // until the next play, reports are only saved
      this.#emit('error', error);
    } else {
      this.#emit('error', error);
      const key = this.#session?.session_id;
      if (!key || !error.status) return;
      this.#journal.remove(key);
      if (error.status !== 404 && error.status !== 409) return;
      this.#session = null; // it was erased, or belongs to another viewer
      if (this.#playhead?.playing) this.#openInBackground('enter');
    }
  }

  /** @param {number} seconds */
  #scheduleRetry(seconds) {
    clearTimeout(this.#retryTimer);
    if (this.#detached.signal.aborted) return;
    this.#retryTimer = setTimeout(async () => {
      this.#retryTimer = undefined;
      try {
        if (this.#openLater) return this.#openInBackground(this.#openLater);
        if (this.#session && !this.#exitedBy && this.#playhead?.settled) this.#saveReport();
        await this.#deliverPending();
        this.#attempt = 0;
        this.#report();
      } catch (error) {
        this.#handleError(error);
      }
    }, 1000 * seconds);
  }

  /** Opens a session. No caller handles the errors, which are emitted as events. @param {'enter' | 'resume'} route */
  #openInBackground(route) { this.#open(route).catch(() => {}); }

  /** @param {string} type @param {any} detail */
  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

attachFromScriptTag(attach);
