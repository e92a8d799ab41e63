// Adapts a Vimeo player (@vimeo/player, whose methods return promises) to the
// interface of HTMLMediaElement.

/** @param {any} player @returns {Promise<VimeoMedia>} */
export async function media(player) {
  const adapter = new VimeoMedia(player);
  await adapter.ready;
  return adapter;
}

class VimeoMedia extends EventTarget {
  duration = NaN; paused = true; ended = false; seeking = false; readyState = 0;
  /** @type {Promise<void>} */ ready;
  #player; #seconds = 0;

  /** @param {any} player */
  constructor(player) {
    super();
    this.#player = player;
    /** @type {(type: string, handle: (data: any) => void) => void} */
    const on = (type, handle) => player.on(type, (/** @type {any} */ data) => {
      if (data?.duration > 0) this.duration = data.duration;
      handle(data);
    });
    on('play', () => this.#fire('play', { paused: false, ended: false }));
    on('playing', () => this.#fire('playing', { paused: false, readyState: 4 }));
    on('pause', ({ seconds }) => { this.#setPosition(seconds); this.#fire('pause', { paused: true }); });
    on('ended', ({ seconds }) => { this.#setPosition(seconds ?? this.duration); this.#fire('ended', { paused: true, ended: true }); });
    on('timeupdate', ({ seconds }) => { if (!this.seeking) { this.#setPosition(seconds); this.#fire('timeupdate'); } });
    on('seeking', ({ seconds }) => this.#onSeeking(seconds));
    on('seeked', ({ seconds }) => {
      if (!this.seeking) this.#onSeeking(seconds); // some versions send no seeking event
      this.#setPosition(seconds);
      this.#fire('seeked', { seeking: false });
    });
    on('loaded', () => this.#readState());
    this.ready = player.ready().then(() => this.#readState());
  }

  get currentTime() { return this.#seconds; }

  set currentTime(seconds) {
    this.#player.setCurrentTime(seconds).catch(() => {}); // rejected beyond the end
  }

  pause() { this.#player.pause().catch(() => {}); }

  async #readState() {
    const player = this.#player;
    [this.duration, this.#seconds, this.paused, this.ended] = await Promise.all(
      [player.getDuration(), player.getCurrentTime(), player.getPaused(), player.getEnded()]);
    this.#fire('loadedmetadata', { readyState: 1 });
    this.#fire('canplay', { readyState: 4 });
  }

  /** @param {number} seconds */
  #setPosition(seconds) { this.#seconds = seconds; }

  /** @param {number} seconds */
  #onSeeking(seconds) {
    this.#setPosition(seconds);
    this.#fire('seeking', { seeking: true, ended: false });
  }

  /** @param {string} type @param {Partial<VimeoMedia>} [state] */
  #fire(type, state) {
    Object.assign(this, state);
    this.dispatchEvent(new Event(type));
  }
}
