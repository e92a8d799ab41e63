// The second device: a frame with a separate page and player.

import { $, element } from './dom.js';

class Phone extends EventTarget {
  #frame = null;

  /** The position of its video in seconds; null while it is closed. */
  position = null;

  open(viewer, webinar) {
    if (this.#frame) return;
    this.#frame = Object.assign(element('iframe', ''), {
      title: 'The same viewer on a phone', src: `/demo/phone?viewer=${viewer}&webinar=${webinar}`, allow: 'autoplay',
    });
    $('phone').append(this.#frame);
    $('phone').hidden = false;
    $('close-phone').focus();
  }

  /** Closes it like a tab: its player leaves. */
  close() {
    this.#frame?.remove();
    this.#frame = null;
    this.position = null;
    $('phone').hidden = true;
    this.dispatchEvent(new Event('change'));
  }

  receive(event) {
    if (!this.#frame || event.source !== this.#frame.contentWindow || event.origin !== location.origin) return;
    this.position = event.data.position;
    this.dispatchEvent(new Event('change'));
  }
}

export const phone = new Phone();
addEventListener('message', (event) => phone.receive(event));
