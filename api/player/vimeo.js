// A Vimeo player (@vimeo/player, which answers by promises) as something that
// behaves like an HTMLMediaElement.

/** @param {any} player @returns {Promise<VimeoMedia>} */
export async function media(player) {
  const made = new VimeoMedia(player);
  await made.ready;
  return made;
}

class VimeoMedia extends EventTarget {
  duration = NaN; paused = true; ended = false; seeking = false; readyState = 0;
  /** @type {Promise<void>} */ ready;
  #player; #seconds = 0;

  /** @param {any} player */
  constructor(player) {
    super();
    this.#player = player;
    /** @type {(type: string, does: (data: any) => void) => void} */
    const on = (type, does) => player.on(type, (/** @type {any} */ data) => {
      if (data?.duration > 0) this.duration = data.duration;
      does(data);
    });
    on('play', () => this.#now('play', { paused: false, ended: false }));
    on('playing', () => this.#now('playing', { paused: false, readyState: 4 }));
    on('pause', ({ seconds }) => { this.#at(seconds); this.#now('pause', { paused: true }); });
    on('ended', ({ seconds }) => { this.#at(seconds ?? this.duration); this.#now('ended', { paused: true, ended: true }); });
    on('timeupdate', ({ seconds }) => { if (!this.seeking) { this.#at(seconds); this.#now('timeupdate'); } });
    on('seeking', ({ seconds }) => this.#seek(seconds));
    on('seeked', ({ seconds }) => {
      if (!this.seeking) this.#seek(seconds); // some versions say only this
      this.#at(seconds);
      this.#now('seeked', { seeking: false });
    });
    on('loaded', () => this.#learn());
    this.ready = player.ready().then(() => this.#learn());
  }

  get currentTime() { return this.#seconds; }

  set currentTime(seconds) {
    this.#player.setCurrentTime(seconds).catch(() => {}); // beyond the end: the position stays
  }

  pause() { this.#player.pause().catch(() => {}); }

  async #learn() {
    const player = this.#player;
    [this.duration, this.#seconds, this.paused, this.ended] = await Promise.all(
      [player.getDuration(), player.getCurrentTime(), player.getPaused(), player.getEnded()]);
    this.#now('loadedmetadata', { readyState: 1 });
    this.#now('canplay', { readyState: 4 });
  }

  /** @param {number} seconds */
  #at(seconds) { this.#seconds = seconds; }

  /** @param {number} seconds */
  #seek(seconds) {
    this.#at(seconds);
    this.#now('seeking', { seeking: true, ended: false });
  }

  /** @param {string} type @param {Partial<VimeoMedia>} [state] */
  #now(type, state) {
    Object.assign(this, state);
    this.dispatchEvent(new Event(type));
  }
}
