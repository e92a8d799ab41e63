// The second device, in a frame: a page of its own with a player of its own.

import { $, element } from './dom.js';

class Phone extends EventTarget {
  #frame = null;

  /** Where its video is, in seconds; null while it is closed. */
  position = null;

  open(viewer, webinar) {
    if (this.#frame) return;
    this.#frame = Object.assign(element('iframe', ''), {
      title: 'The same viewer on a phone', src: `/demo/phone?viewer=${viewer}&webinar=${webinar}`, allow: 'autoplay',
    });
    $('phone').append(this.#frame);
    $('phone').hidden = false;
    $('hangup').focus();
  }

  /** Closes it as one closes a tab: its player leaves. */
  close() {
    this.#frame?.remove();
    this.#frame = null;
    this.position = null;
    $('phone').hidden = true;
    this.dispatchEvent(new Event('change'));
  }

  heard(event) {
    if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== location.origin) return;
    this.position = event.data.position;
    this.dispatchEvent(new Event('change'));
  }
}

export const phone = new Phone();
addEventListener('message', (event) => phone.heard(event));
