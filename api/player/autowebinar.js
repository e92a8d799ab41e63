// The AutoWebinar player client: it turns what a viewer does with a video into
// reports to the service. What it promises stands in autowebinar.d.ts.
//
//   import { attach } from '/wp-json/autowebinar/v1/player.js';
//   const attachment = attach(document.querySelector('video'), { webinarId: 'intro' });
//   attachment.addEventListener('state', (e) => console.log(e.detail)); // a Session of the service

import { backOff, fault, passes, unknown, Wire } from './wire.js';
import { Journal, WEEK, alone } from './journal.js';
import { Playhead } from './playhead.js';
import { mediaOf } from './media.js';
import { Forms } from './forms.js';
import { attachDeclared, settings } from './page.js';

/** @typedef {import('./autowebinar').Session} Session */
/** @typedef {import('./autowebinar').Options} Options */
/** @typedef {import('./autowebinar').AutoWebinarError} AutoWebinarError */
/** @typedef {import('./journal.js').Note} Note */

/**
 * @param {any} player
 * @param {Partial<Options>} [options]
 */
export const attach = (player, options = {}) => new Attachment(player, settings(options));

class Attachment extends EventTarget {
  /** @type {Session | null} */ #session = null; // as last answered
  #answeredAt = 0;
  /** @type {'' | 'left' | 'gone'} */ #away = ''; // left by leave(), or gone with its page
  /** @type {Promise<Session> | null} */ #opening = null; // an enter or resume under way
  /** @type {'' | 'enter' | 'resume'} */ #wanted = ''; // one that failed and is due
  #due = false; #sending = false; // at most one report is under way; the next one waits for it
  #reportedAt = 0; #marked = 0;
  #attempt = 0; #halted = false; #offline = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #retry; // set while the service is not asked
  /** @type {ReturnType<typeof setInterval> | undefined} */ #beat;
  /** @type {Playhead | null} */ #head = null;
  #journal = new Journal('session');
  #detached = new AbortController();
  #options; #wire; #forms;

  /** @param {any} player @param {Options & { base: string }} options */
  constructor(player, options) {
    super();
    this.#options = options;
    this.#wire = new Wire(options);
    const { signal } = this.#detached;
    this.#forms = new Forms(this.#wire, (error) => this.#tell('error', error), signal);
    /** @type {(target: EventTarget, type: string, listener: (event: any) => void) => void} */
    const on = (target, type, listener) => target.addEventListener(type, listener, { signal });
    on(document, 'visibilitychange', () => document.hidden && this.#report());
    on(window, 'pagehide', () => this.#leavePage());
    on(window, 'pageshow', (event) => event.persisted && this.#away === 'gone' && this.#quietly('resume'));
    on(window, 'online', () => this.#retry && this.#tryAgain(Math.random()));
    const media = mediaOf(player, (name) => this.#wire.url(`player/${name}.js`));
    if (media instanceof Promise) media.then((found) => this.#follow(found)).catch((problem) => this.#tell('error', problem));
    else this.#follow(media);
  }

  get session() { return this.#session; }

  get livePosition() {
    if (!this.#session) return null;
    const passed = Math.max(0, Date.now() - this.#answeredAt) / 1000;
    return Math.min(this.#session.live_offset_sec + passed, this.#head?.duration ?? Infinity);
  }

  enter() { return this.#open('enter'); }

  resume() { return this.#open('resume'); }

  /** @param {string} [reason] */
  async leave(reason = 'user_exit') {
    if (!this.#session || !this.#head) return null;
    this.#away = 'left';
    this.#head.pause();
    const record = this.#note(reason);
    try {
      return await this.#deliver(record);
    } catch (problem) {
      this.#failed(problem);
      if (passes(problem)) return null; // kept, and said later
      throw problem;
    }
  }

  cta() { return this.#update('cta', { ...this.#which(), position_sec: this.#head?.position }); }

  /** @param {{ source: string, webinarType?: string, slotId?: string }} registration */
  register({ source, webinarType, slotId }) {
    return this.#wire.ask('register', { webinar_id: this.#options.webinarId, source, webinar_type: webinarType, slot_id: slotId });
  }

  /** @param {string} formId @param {object} answers @param {{ submissionId?: string }} [options] */
  async submitForm(formId, answers, { submissionId } = {}) {
    const session = this.#session ?? await this.#forms.patiently(() => this.#look());
    return this.#forms.submit(session.session_id, formId, answers, submissionId);
  }

  detach() {
    this.#detached.abort();
    clearInterval(this.#beat);
    clearTimeout(this.#retry);
    this.#head?.close();
  }

  /** @param {import('./autowebinar').Media} media */
  #follow(media) {
    if (this.#detached.signal.aborted) return;
    const { duration, preventForwardSeek, enterAt } = this.#options;
    this.#head = new Playhead(media, (what) => this.#hear(what), { duration, preventForwardSeek, signal: this.#detached.signal });
    this.#forms.resume();
    if (this.#session) this.#head.goTo(this.#session.resume_position_sec); // the page was quicker
    else if (enterAt === 'now' || this.#head.playing) this.#quietly('enter');
    else this.#replay().catch((problem) => this.#failed(problem));
  }

  /** @param {'play' | 'report' | 'tick' | 'prevented'} what */
  #hear(what) {
    if (what === 'play') this.#played();
    else if (what === 'report') this.#report();
    else if (what === 'tick') this.#tick();
    else this.#tell('clamped', this.#session);
  }

  // A report at play sets the clock: the time of a pause earns nothing.
  #played() {
    this.#halted = false;
    if (this.#session && !this.#away) this.#report();
    else if (!this.#retry) this.#quietly(this.#away ? 'resume' : 'enter');
    else this.#wanted ||= this.#away ? 'resume' : 'enter';
  }

  // Timers of hidden tabs come late or seldom, so the clock on the wall decides.
  #tick() {
    const head = this.#head, session = this.#session;
    if (!head?.playing || !session || this.#away) return;
    const passed = Date.now() - this.#reportedAt;
    if (passed < 0 || passed > 1000 * session.heartbeat_sec - 250) return this.#report();
    const percent = 100 * Math.floor(head.position) / (head.duration ?? Infinity);
    const crossed = [75, 50, 25].find((mark) => percent >= mark) ?? 0;
    if (crossed <= Math.max(this.#marked, session.progress_percent)) return;
    this.#marked = crossed;
    this.#report();
  }

  /** @param {'enter' | 'resume'} route */
  #open(route) {
    this.#opening ??= this.#come(route).catch((problem) => {
      if (passes(problem)) this.#wanted = route;
      this.#failed(problem);
      throw problem;
    }).finally(() => { this.#opening = null; this.#report(); });
    return this.#opening;
  }

  /** @param {'enter' | 'resume'} route @returns {Promise<Session>} */
  async #come(route) {
    const head = this.#head, late = this.#wanted === route, sought = head?.sought;
    await this.#replay(); // first: an entrance sets the clock, and what was watched before would not count
    const named = { webinar_id: this.#options.webinarId };
    const session = await this.#update(route, named).catch((problem) => {
      if (route === 'resume' && problem.status === 404) return this.#update('enter', named);
      throw problem;
    });
    this.#away = this.#wanted = '';
    this.#halted = false;
    this.#attempt = 0;
    if (this.#detached.signal.aborted) return session;
    clearInterval(this.#beat);
    this.#beat = setInterval(() => this.#tick(), 1000 * session.heartbeat_sec);
    if (!head || (head.sought && !sought)) return session; // the viewer has chosen a place meanwhile
    const { resume_position_sec: to, last_position_sec: last } = session;
    const ahead = to - head.position;
    if (ahead > 1 || (ahead < -1 && to > 0 && !late)) head.goTo(to);
    head.sought ||= last > to; // a second viewing begins
    return session;
  }

  // What there is to say is said now, or noted where the service cannot take it.
  #report() {
    if (!this.#session || this.#away || !this.#head?.settled) return;
    this.#due = true;
    if (this.#retry || this.#halted) this.#note();
    else if (!this.#sending && !this.#opening) this.#send();
  }

  async #send() {
    this.#sending = true;
    while (this.#due && !this.#away && !this.#retry && !this.#halted && this.#session) {
      this.#due = false;
      try {
        await this.#deliver(this.#note());
        this.#attempt = 0;
      } catch (problem) {
        this.#failed(problem);
      }
    }
    this.#sending = false;
  }

  /**
   * Notes where the session stands, on top of what was not said yet.
   * @param {string} [exit] @returns {Note}
   */
  #note(exit) {
    const head = /** @type {Playhead} */ (this.#head), session = /** @type {Session} */ (this.#session);
    /** @type {Partial<Note>} */
    const before = this.#journal.read(session.session_id) ?? {};
    const record = {
      session_id: session.session_id,
      position: head.position,
      furthest: Math.max(head.position, head.furthest, before.furthest ?? 0),
      duration: head.duration,
      ended: head.ended || before.ended,
      sought: head.sought || before.sought,
      jumped: head.jumped || before.jumped,
      exit: exit ?? before.exit,
      seen: session.last_seen_at,
      at: Date.now(),
    };
    head.sought = head.jumped = false;
    this.#reportedAt = record.at;
    this.#journal.write(record.session_id, record);
    return record;
  }

  /**
   * What a record says to the service: one report, or where the viewer went back
   * from a place that nobody has been told of, that one before it.
   * @param {Note} record
   */
  #reports({ session_id, position, furthest, duration, ended, sought, exit }) {
    const known = this.#session?.session_id === session_id ? this.#session.furthest_sec : 0;
    const went = furthest - Math.max(position, known) > 1;
    const said = { session_id, duration_sec: duration };
    return {
      before: went ? { ...said, position_sec: furthest, ended: ended || undefined } : null,
      route: exit ? 'exit' : 'progress',
      report: { ...said, position_sec: position, ended: (!went && ended) || undefined, seeked: sought || undefined, leave_reason: exit },
    };
  }

  /** @param {Note} record @returns {Promise<Session>} */
  async #deliver(record) {
    const { before, route, report } = this.#reports(record);
    if (before) await this.#update('progress', before);
    const session = await this.#update(route, report, record.jumped);
    this.#said(record);
    return session;
  }

  /** @param {Note} record */
  #said(record) {
    const later = this.#journal.read(record.session_id);
    if (later?.at === record.at) this.#journal.drop(record.session_id);
    const head = this.#head;
    if (head && record.session_id === this.#session?.session_id) head.furthest = head.position;
  }

  // What earlier pages could not say, or this one. Of several tabs one says it.
  async #replay() {
    for (const key of this.#journal.keys()) {
      await alone(`session:${key}`, async () => {
        const record = this.#journal.read(key);
        if (!record) return;
        if (Date.now() - record.at > WEEK) return this.#journal.drop(key);
        try {
          if (key !== this.#session?.session_id && record.sought) record.sought = await this.#undisturbed(record);
          await this.#deliver(record);
        } catch (problem) {
          const { status } = /** @type {AutoWebinarError} */ (problem);
          if (passes(problem) || unknown(problem)) throw problem;
          // 409: another viewer's, who may come back to this browser.
          if (status !== 409) this.#journal.drop(key);
        }
      });
    }
  }

  /**
   * Whether nobody has reported since: to go back now would undo what came after.
   * @param {Note} record
   */
  async #undisturbed({ session_id, seen }) {
    const session = await this.#look().catch((problem) => {
      if (passes(problem)) throw problem;
    });
    return session?.session_id === session_id && session.last_seen_at === seen;
  }

  /** @returns {Promise<Session>} the session as it is, unchanged */
  #look() { return this.#wire.ask('session', undefined, { query: { webinar_id: this.#options.webinarId } }); }

  // The page may not live to see an answer: what it says is noted as well.
  #leavePage() {
    if (!this.#session || !this.#head || this.#away) return;
    const record = this.#note(this.#head.ended ? 'session_end' : 'user_exit');
    this.#away = 'gone';
    const { before, route, report } = this.#reports(record);
    this.#wire.farewell(route, report).then((arrived) => arrived && !before && this.#said(record));
  }

  #which() { return this.#session ? { session_id: this.#session.session_id } : { webinar_id: this.#options.webinarId }; }

  /**
   * @param {string} route @param {object} body
   * @param {boolean} [jumped] a cut takes the video with it: the viewer's own seek went too far
   * @returns {Promise<Session>}
   */
  async #update(route, body, jumped) {
    /** @type {Session} */
    const session = await this.#wire.ask(route, body);
    if (!session.session_id) throw fault('not the service', { code: 'invalid_json' });
    this.#up();
    if (route === 'enter' || route === 'resume' || session.session_id === this.#session?.session_id) this.#take(session, jumped);
    return session;
  }

  /** @param {Session} session @param {boolean} [jumped] */
  #take(session, jumped) {
    const before = this.#session?.session_id === session.session_id ? this.#session : null;
    if (!before) this.#marked = 0;
    this.#session = session;
    this.#answeredAt = Date.now();
    const head = this.#head;
    if (head) head.free = session.completed ? Infinity : session.furthest_sec;
    this.#tell('state', session);
    for (const percent of [25, 50, 75, 100]) {
      if (before && before.progress_percent < percent && percent <= session.progress_percent) this.#tell('mark', { percent });
    }
    if (before && !before.completed && session.completed) this.#tell('completed', session);
    if (!session.clamped) return;
    if (jumped) head?.goTo(session.last_position_sec);
    this.#tell('clamped', session);
  }

  #up() {
    if (this.#retry) this.#tryAgain(0); // what waits need not wait
    if (this.#offline) this.#tell('offline', { offline: this.#offline = false });
  }

  /** @param {any} error */
  #failed(error) {
    if (passes(error)) {
      if (!this.#offline) this.#tell('offline', { offline: this.#offline = true });
      this.#tryAgain(backOff(++this.#attempt, error.retryAfter));
    } else if (unknown(error)) {
      this.#halted = true; // what is left to say is noted; the next play tries again
      this.#tell('error', error);
    } else {
      this.#tell('error', error);
      const key = this.#session?.session_id;
      if (!key || !error.status) return;
      this.#journal.drop(key);
      if (error.status !== 404 && error.status !== 409) return;
      this.#session = null; // it is gone: erased, or another's
      if (this.#head?.playing) this.#quietly('enter');
    }
  }

  /** @param {number} seconds */
  #tryAgain(seconds) {
    clearTimeout(this.#retry);
    if (this.#detached.signal.aborted) return;
    this.#retry = setTimeout(async () => {
      this.#retry = undefined;
      try {
        if (this.#wanted) return this.#quietly(this.#wanted);
        if (this.#session && !this.#away && this.#head?.settled) this.#note();
        await this.#replay();
        this.#attempt = 0;
        this.#report();
      } catch (problem) {
        this.#failed(problem);
      }
    }, 1000 * seconds);
  }

  /** Opens where no caller waits. @param {'enter' | 'resume'} route */
  #quietly(route) { this.#open(route).catch(() => {}); }

  /** @param {string} type @param {any} detail */
  #tell(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })); }
}

attachDeclared(attach);
