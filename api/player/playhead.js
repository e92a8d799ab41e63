// Where the video stands, and whose doing that is.

/** @typedef {import('./autowebinar').Media} Media */

const NEAR = 1; // seconds: not a seek, or the place that was sought
const SLACK = 3; // what the service forgives

/** Follows a media element: tells seeks of the viewer's from ours, and takes the video to a place reliably. */
export class Playhead {
  /** The viewer sought, and no report has said so. */ sought = false;
  /** … and beyond what had been watched. */ jumped = false;
  /** The highest position since the last report that arrived. */ furthest = 0;
  /** Up to here one may seek freely: the service's furthest_sec; Infinity once completed. */ free = 0;

  #media; #tell; #prevent; #length;
  #position = 0; // where it stood last, outside of seeks
  /** @type {number | null} */ #target = null; // where we take it; nothing is reported before it is there
  /** @type {number | null} */ #guard = null; // taken there, but not yet seen playing there
  #early = false; #late = false; // it may be applied once more, before playing and at playing
  #viewers = false; #far = false; // the seek under way is the viewer's, and beyond what was watched

  /**
   * @param {Media} media
   * @param {(what: 'play' | 'report' | 'tick' | 'prevented') => void} tell
   * @param {{ duration?: number, preventForwardSeek?: boolean, signal: AbortSignal }} options
   */
  constructor(media, tell, { duration, preventForwardSeek, signal }) {
    this.#media = media;
    this.#tell = tell;
    this.#prevent = preventForwardSeek;
    this.#length = duration;
    this.#position = media.currentTime;
    /** @type {(type: string, listener: () => void) => void} */
    const on = (type, listener) => media.addEventListener(type, listener, { signal });
    on('loadedmetadata', () => this.#apply());
    on('canplay', () => this.#verify());
    on('playing', () => this.#verify(true));
    on('play', () => tell('play'));
    on('pause', () => tell('report'));
    on('ended', () => { this.#follow(); tell('report'); });
    on('timeupdate', () => { this.#follow(); tell('tick'); });
    on('seeking', () => this.#seeking());
    on('seeked', () => this.#seeked());
  }

  get playing() { return !this.#media.paused && !this.#media.ended; }

  get settled() { return this.#target === null; }

  get duration() {
    const duration = this.#length ?? this.#media.duration;
    return Number.isFinite(duration) && duration > 0 ? duration : undefined;
  }

  get position() { return this.#target ?? (this.#moving ? this.#position : this.#media.currentTime); }

  get ended() { return this.#media.ended && this.#media.currentTime >= (this.duration ?? Infinity) - NEAR; }

  pause() { this.#media.pause(); }

  close() { this.#media.close?.(); }

  // A timeupdate comes between the end of a seek and its event.
  get #moving() { return this.#media.seeking || this.#viewers; }

  /**
   * Takes the video to a place, as soon as it can be.
   * @param {number} seconds
   */
  goTo(seconds) {
    this.#target = this.#guard = seconds;
    this.#early = this.#late = true;
    this.#viewers = this.#far = this.sought = this.jumped = false;
    this.#apply();
  }

  #apply() {
    if (this.#target === null || this.#media.readyState < 1) return;
    this.#target = this.#guard = Math.min(this.#target, this.duration ?? Infinity);
    this.#media.currentTime = this.#target;
  }

  // Some browsers forget a seek that came before the first picture or before
  // playing: it is looked at then, and applied once more. Where the video cannot
  // be sought at all, that is given up.
  #verify(playing = false, sought = false) {
    const aim = this.#target ?? this.#guard;
    if (aim === null || this.#media.seeking) return;
    const there = Math.abs(this.#media.currentTime - aim) < (playing ? SLACK : NEAR);
    if (!there && (playing ? this.#late : this.#early && !this.settled)) {
      if (playing) this.#late = false;
      this.#early = false;
      this.#target = aim;
      this.#apply();
      return;
    }
    if (playing) this.#guard = null;
    if (there || playing || sought) this.#settle();
  }

  #settle() {
    if (this.#target === null) return;
    this.#target = null;
    this.#position = this.#media.currentTime;
    this.#tell('report');
  }

  #follow() {
    const { currentTime } = this.#media;
    if (this.#moving || this.#target !== null) return;
    this.#position = currentTime;
    this.furthest = Math.max(this.furthest, currentTime);
    if (this.#guard !== null && Math.abs(currentTime - this.#guard) < SLACK) this.#guard = null;
  }

  #seeking() {
    const to = this.#media.currentTime;
    const ours = this.#target !== null && Math.abs(to - this.#target) < NEAR;
    // A browser that forgets our seek begins at the beginning.
    const forgotten = this.#guard !== null && to < 0.1;
    // Streaming libraries nudge the position over gaps.
    const nudged = this.#target === null && Math.abs(to - this.#position) < NEAR;
    this.#viewers = !ours && !forgotten && !nudged;
    if (!this.#viewers) return;
    const reach = Math.max(this.free, this.furthest, this.#position);
    if (this.#prevent && to > reach + NEAR) {
      this.goTo(this.#position);
      this.#tell('prevented');
      return;
    }
    this.#target = this.#guard = null;
    this.#far ||= to > reach + SLACK;
  }

  #seeked() {
    if (this.#viewers) {
      this.sought = true;
      this.jumped ||= this.#far;
      this.#viewers = this.#far = false;
      this.#position = this.#media.currentTime;
      this.#tell('report');
    } else {
      this.#verify(false, true);
    }
  }
}
