// A stub of @vimeo/player: the part of its documented interface that the adapter
// uses, implemented with a video element. Methods return promises; events have
// seconds, percent and duration.
window.Vimeo = {
  Player: class {
    #video; #listeners = {};

    constructor(video) {
      this.#video = video;
      const names = { play: 'play', playing: 'playing', pause: 'pause', ended: 'ended', timeupdate: 'timeupdate', seeking: 'seeking', seeked: 'seeked' };
      for (const [name, type] of Object.entries(names)) {
        video.addEventListener(name, () => {
          const { currentTime: seconds, duration } = video;
          setTimeout(() => this.#fire(type, { seconds, duration, percent: seconds / duration }), 5); // asynchronous, as with postMessage
        });
      }
    }

    #fire(type, data) { for (const listener of this.#listeners[type] ?? []) listener.call(this, data); }

    #later(value) { return new Promise((resolve) => setTimeout(() => resolve(value?.()), 5)); }

    async ready() {
      if (this.#video.readyState < 1) await new Promise((resolve) => this.#video.addEventListener('loadedmetadata', resolve, { once: true }));
    }

    on(type, listener) { (this.#listeners[type] ??= []).push(listener); }
    off(type, listener) { this.#listeners[type] = (this.#listeners[type] ?? []).filter((other) => other !== listener); }
    getDuration() { return this.#later(() => this.#video.duration); }
    getCurrentTime() { return this.#later(() => this.#video.currentTime); }
    getPaused() { return this.#later(() => this.#video.paused); }
    getEnded() { return this.#later(() => this.#video.ended); }
    play() { return this.#video.play(); }
    pause() { return this.#later(() => this.#video.pause()); }

    setCurrentTime(seconds) {
      if (!(seconds >= 0 && seconds <= this.#video.duration)) return Promise.reject(new RangeError('seconds'));
      return this.#later(() => (this.#video.currentTime = seconds));
    }
  },
};
