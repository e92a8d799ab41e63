// A stub of the YouTube IFrame API: the part of its documented interface that the
// adapter uses, implemented with a video element. Methods exist after onReady.
window.YT = {
  PlayerState: { UNSTARTED: -1, ENDED: 0, PLAYING: 1, PAUSED: 2, BUFFERING: 3, CUED: 5 },
  Player: class {
    #video; #state = -1; #listeners = {};

    constructor(video) {
      this.#video = video;
      const become = (state) => {
        this.#state = state;
        this.#fire('onStateChange', { target: this, data: state });
      };
      video.addEventListener('playing', () => become(1));
      video.addEventListener('pause', () => video.ended || become(2));
      video.addEventListener('ended', () => become(0));
      video.addEventListener('waiting', () => become(3));
      setTimeout(() => {
        Object.assign(this, {
          playVideo: () => { video.play(); },
          pauseVideo: () => { video.pause(); },
          seekTo: (seconds) => { video.currentTime = seconds; },
          getCurrentTime: () => video.currentTime,
          getDuration: () => (video.readyState < 1 ? 0 : video.duration),
          getPlayerState: () => this.#state,
          getPlaybackRate: () => video.playbackRate,
        });
        this.#fire('onReady', { target: this });
      }, 100);
    }

    #fire(type, event) { for (const listener of this.#listeners[type] ?? []) listener(event); }

    getIframe() { return this.#video; }
    addEventListener(type, listener) { (this.#listeners[type] ??= []).push(listener); }
    removeEventListener(type, listener) { this.#listeners[type] = (this.#listeners[type] ?? []).filter((other) => other !== listener); }
  },
};
