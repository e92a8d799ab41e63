// A YouTube player (IFrame API) as something that behaves like an
// HTMLMediaElement. The API says nothing of seeks and little of time: the position
// is looked at four times a second, and a jump of it is a seek.

const LOOK = 250; // milliseconds
const JUMP = 1.5; // seconds off what playing explains
const PATIENCE = 5000; // milliseconds until a seek that leads nowhere is over

/** @param {any} player @returns {Promise<YouTubeMedia>} */
export async function media(player) {
  // Its methods are there once it is ready.
  if (!player.getPlayerState) await new Promise((ready) => player.addEventListener('onReady', ready));
  return new YouTubeMedia(player);
}

const UNSTARTED = -1, ENDED = 0, PLAYING = 1, PAUSED = 2, CUED = 5;

class YouTubeMedia extends EventTarget {
  paused = true; ended = false; seeking = false;
  #player; #seconds; #lookedAt = Date.now(); #timer;
  /** @type {{ to: number, since: number } | null} */ #sought = null; // by us

  /** @param {any} player */
  constructor(player) {
    super();
    this.#player = player;
    this.#seconds = player.getCurrentTime() || 0;
    this.paused = player.getPlayerState() !== PLAYING;
    player.addEventListener('onStateChange', (/** @type {{ data: number }} */ { data }) => this.#became(data));
    this.#timer = setInterval(() => this.#look(), LOOK);
  }

  // A seek before the first play would start a video that is only cued.
  get readyState() { return this.duration > 0 && ![UNSTARTED, CUED].includes(this.#player.getPlayerState()) ? 4 : 0; }

  get duration() { return this.#player.getDuration() || NaN; } // 0 before it is known

  get currentTime() { return this.#sought?.to ?? this.#seconds; }

  set currentTime(seconds) {
    this.#player.seekTo(seconds, true);
    this.#sought = { to: seconds, since: Date.now() };
    this.#seek();
  }

  pause() { this.#player.pauseVideo(); }

  close() { clearInterval(this.#timer); }

  /** @param {number} state */
  #became(state) {
    this.#look();
    if (state === PLAYING) {
      if (this.paused) this.#now('play', { paused: false, ended: false });
      this.#now('loadedmetadata');
      this.#now('playing');
    } else if (state === PAUSED) {
      if (!this.paused) this.#now('pause', { paused: true });
    } else if (state === ENDED) {
      this.#seconds = this.duration;
      this.#now('pause', { paused: true, ended: true });
      this.#now('ended');
    }
  }

  #look() {
    const seconds = this.#player.getCurrentTime() || 0, now = Date.now();
    const passed = Math.max(0, now - this.#lookedAt) / 1000 * (this.paused ? 0 : this.#player.getPlaybackRate());
    const before = this.#seconds;
    this.#seconds = seconds;
    this.#lookedAt = now;
    if (this.#sought) {
      if (Math.abs(seconds - this.#sought.to) > JUMP && now - this.#sought.since < PATIENCE) return;
      this.#sought = null;
      this.#now('seeked', { seeking: false });
    } else if (!this.ended && (seconds < before - JUMP || seconds > before + passed + JUMP)) {
      this.#seek();
      this.#now('seeked', { seeking: false });
    }
    if (!this.paused) this.#now('timeupdate');
  }

  #seek() { this.#now('seeking', { seeking: true, ended: false }); }

  /** @param {string} type @param {object} [state] */
  #now(type, state) {
    Object.assign(this, state);
    this.dispatchEvent(new Event(type));
  }
}
