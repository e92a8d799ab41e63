// Adapts a YouTube player (IFrame API) to the interface of HTMLMediaElement. The
// API has no events for seeks and for the position, so the position is polled, and
// a jump counts as a seek.

const POLL_INTERVAL = 250; // milliseconds
const JUMP = 1.5; // seconds; a larger difference from normal playback is a seek
const SEEK_TIMEOUT = 5000; // milliseconds until a seek that has no effect ends

/** @param {any} player @returns {Promise<YouTubeMedia>} */
export async function media(player) {
  // The methods of the player exist once it is ready.
  if (!player.getPlayerState) await new Promise((resolve) => player.addEventListener('onReady', resolve));
  return new YouTubeMedia(player);
}

const UNSTARTED = -1, ENDED = 0, PLAYING = 1, PAUSED = 2, CUED = 5;

class YouTubeMedia extends EventTarget {
  paused = true; ended = false; seeking = false;
  #player; #seconds; #polledAt = Date.now(); #timer;
  /** @type {{ to: number, since: number } | null} */ #ownSeek = null;

  /** @param {any} player */
  constructor(player) {
    super();
    this.#player = player;
    this.#seconds = player.getCurrentTime() || 0;
    this.paused = player.getPlayerState() !== PLAYING;
    player.addEventListener('onStateChange', (/** @type {{ data: number }} */ { data }) => this.#onStateChange(data));
    this.#timer = setInterval(() => this.#poll(), POLL_INTERVAL);
  }

  // Seeking before the first play would start a cued video, so it is not ready yet.
  get readyState() { return this.duration > 0 && ![UNSTARTED, CUED].includes(this.#player.getPlayerState()) ? 4 : 0; }

  get duration() { return this.#player.getDuration() || NaN; } // 0: unknown

  get currentTime() { return this.#ownSeek?.to ?? this.#seconds; }

  set currentTime(seconds) {
    this.#player.seekTo(seconds, true);
    this.#ownSeek = { to: seconds, since: Date.now() };
    this.#onSeeking();
  }

  pause() { this.#player.pauseVideo(); }

  close() { clearInterval(this.#timer); }

  /** @param {number} state */
  #onStateChange(state) {
    this.#poll();
    if (state === PLAYING) {
      if (this.paused) this.#fire('play', { paused: false, ended: false });
      this.#fire('loadedmetadata');
      this.#fire('playing');
    } else if (state === PAUSED) {
      if (!this.paused) this.#fire('pause', { paused: true });
    } else if (state === ENDED) {
      this.#seconds = this.duration;
      this.#fire('pause', { paused: true, ended: true });
      this.#fire('ended');
    }
  }

  #poll() {
    const seconds = this.#player.getCurrentTime() || 0, now = Date.now();
    const played = Math.max(0, now - this.#polledAt) / 1000 * (this.paused ? 0 : this.#player.getPlaybackRate());
    const before = this.#seconds;
    this.#seconds = seconds;
    this.#polledAt = now;
    if (this.#ownSeek) {
      if (Math.abs(seconds - this.#ownSeek.to) > JUMP && now - this.#ownSeek.since < SEEK_TIMEOUT) return;
      this.#ownSeek = null;
      this.#fire('seeked', { seeking: false });
    } else if (!this.ended && (seconds < before - JUMP || seconds > before + played + JUMP)) {
      this.#onSeeking();
      this.#fire('seeked', { seeking: false });
    }
    if (!this.paused) this.#fire('timeupdate');
  }

  #onSeeking() { this.#fire('seeking', { seeking: true, ended: false }); }

  /** @param {string} type @param {object} [state] */
  #fire(type, state) {
    Object.assign(this, state);
    this.dispatchEvent(new Event(type));
  }
}
