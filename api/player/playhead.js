// Tracks the position of a video, and whether the viewer or the player changed it.

/** @typedef {import('./autowebinar').Media} Media */

const SEEK_TOLERANCE = 1; // seconds: less is not a seek, or is the requested position
const LIMIT_TOLERANCE = 3; // seconds that the service tolerates beyond what was watched

/** Follows a media element, and moves it to a position reliably. */
export class Playhead {
  /** The viewer has seeked since the last report. */ sought = false;
  /** That seek went beyond what was watched. */ jumped = false;
  /** The highest position since the last delivered report. */ furthest = 0;
  /** Up to this position seeking is allowed: furthest_sec of the service, Infinity once completed. */ allowed = 0;

  #media; #notify; #preventForwardSeek; #givenDuration;
  #position = 0; // the last one outside of seeks
  /** @type {number | null} */ #target = null; // the position that this class seeks to; nothing is reported until the video has reached it
  /** @type {number | null} */ #unconfirmed = null; // the target until the video plays there
  #retryBeforePlaying = false; #retryAtPlaying = false; // whether the target may be applied once more
  #viewerSeeks = false; #beyondLimit = false; // the current seek is the viewer's, and goes beyond what was watched

  /**
   * @param {Media} media
   * @param {(event: 'play' | 'report' | 'tick' | 'prevented') => void} notify
   * @param {{ duration?: number, preventForwardSeek?: boolean, signal: AbortSignal }} options
   */
  constructor(media, notify, { duration, preventForwardSeek, signal }) {
    this.#media = media;
    this.#notify = notify;
    this.#preventForwardSeek = preventForwardSeek;
    this.#givenDuration = duration;
    this.#position = media.currentTime;
    /** @type {(type: string, listener: () => void) => void} */
    const on = (type, listener) => media.addEventListener(type, listener, { signal });
    on('loadedmetadata', () => this.#applyTarget());
    on('canplay', () => this.#verifyTarget());
    on('playing', () => this.#verifyTarget(true));
    on('play', () => notify('play'));
    on('pause', () => notify('report'));
    on('ended', () => { this.#trackPosition(); notify('report'); });
    on('timeupdate', () => { this.#trackPosition(); notify('tick'); });
    on('seeking', () => this.#onSeeking());
    on('seeked', () => this.#onSeeked());
  }

  get playing() { return !this.#media.paused && !this.#media.ended; }

  get settled() { return this.#target === null; }

  get duration() {
    const duration = this.#givenDuration ?? this.#media.duration;
    return Number.isFinite(duration) && duration > 0 ? duration : undefined;
  }

  get position() { return this.#target ?? (this.#seeking ? this.#position : this.#media.currentTime); }

  get ended() { return this.#media.ended && this.#media.currentTime >= (this.duration ?? Infinity) - SEEK_TOLERANCE; }

  pause() { this.#media.pause(); }

  close() { this.#media.close?.(); }

  // A timeupdate event can fire after a seek has ended and before its seeked event.
  get #seeking() { return this.#media.seeking || this.#viewerSeeks; }

  /**
   * Moves the video to a position as soon as it is ready.
   * @param {number} seconds
   */
  seekTo(seconds) {
    this.#target = this.#unconfirmed = seconds;
    this.#retryBeforePlaying = this.#retryAtPlaying = true;
    this.#viewerSeeks = this.#beyondLimit = this.sought = this.jumped = false;
    this.#applyTarget();
  }

  #applyTarget() {
    if (this.#target === null || this.#media.readyState < 1) return;
    this.#target = this.#unconfirmed = Math.min(this.#target, this.duration ?? Infinity);
    this.#media.currentTime = this.#target;
  }

  // Some browsers ignore a seek before the first frame or before playing, so it is
  // applied once more then. A video that cannot seek is left where it is.
  #verifyTarget(playing = false, seeked = false) {
    const target = this.#target ?? this.#unconfirmed;
    if (target === null || this.#media.seeking) return;
    const reached = Math.abs(this.#media.currentTime - target) < (playing ? LIMIT_TOLERANCE : SEEK_TOLERANCE);
    if (!reached && (playing ? this.#retryAtPlaying : this.#retryBeforePlaying && !this.settled)) {
      if (playing) this.#retryAtPlaying = false;
      this.#retryBeforePlaying = false;
      this.#target = target;
      this.#applyTarget();
      return;
    }
    if (playing) this.#unconfirmed = null;
    if (reached || playing || seeked) this.#settle();
  }

  #settle() {
    if (this.#target === null) return;
    this.#target = null;
    this.#position = this.#media.currentTime;
    this.#notify('report');
  }

  #trackPosition() {
    const { currentTime } = this.#media;
    if (this.#seeking || this.#target !== null) return;
    this.#position = currentTime;
    this.furthest = Math.max(this.furthest, currentTime);
    if (this.#unconfirmed !== null && Math.abs(currentTime - this.#unconfirmed) < LIMIT_TOLERANCE) this.#unconfirmed = null;
  }

  #onSeeking() {
    const to = this.#media.currentTime;
    const isOurs = this.#target !== null && Math.abs(to - this.#target) < SEEK_TOLERANCE;
    // A browser that ignores our seek starts at the beginning.
    const isIgnored = this.#unconfirmed !== null && to < 0.1;
    // Streaming libraries move the position over gaps.
    const isGap = this.#target === null && Math.abs(to - this.#position) < SEEK_TOLERANCE;
    this.#viewerSeeks = !isOurs && !isIgnored && !isGap;
    if (!this.#viewerSeeks) return;
    const limit = Math.max(this.allowed, this.furthest, this.#position);
    if (this.#preventForwardSeek && to > limit + SEEK_TOLERANCE) {
      this.seekTo(this.#position);
      this.#notify('prevented');
      return;
    }
    this.#target = this.#unconfirmed = null;
    this.#beyondLimit ||= to > limit + LIMIT_TOLERANCE;
  }

  #onSeeked() {
    if (this.#viewerSeeks) {
      this.sought = true;
      this.jumped ||= this.#beyondLimit;
      this.#viewerSeeks = this.#beyondLimit = false;
      this.#position = this.#media.currentTime;
      this.#notify('report');
    } else {
      this.#verifyTarget(false, true);
    }
  }
}
