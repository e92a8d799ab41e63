// The network switch. While it is off, requests of this page to the service fail
// as they do without a network. Requests to the demo itself (rows, events,
// switches) still work. The switch survives a reload, so that closing the page can
// be tried, too.

const { base } = document.body.dataset;
const originals = { fetch: window.fetch.bind(window), beacon: navigator.sendBeacon.bind(navigator) };
const isForService = (target) => new URL(target instanceof Request ? target.url : target, location.href).pathname.startsWith(`${base}/`);

class Network extends EventTarget {
  #off = sessionStorage.getItem('demo-network') === 'off';

  /** How many requests were dropped since the switch went off. */
  dropped = 0;

  get off() { return this.#off; }

  set off(off) {
    if (off === this.#off) return;
    this.#off = off;
    if (off) this.dropped = 0;
    sessionStorage.setItem('demo-network', off ? 'off' : 'on');
    window.dispatchEvent(new Event(off ? 'offline' : 'online')); // as the browser does
    this.dispatchEvent(new Event('change'));
  }

  /** Counts a request that is lost; false if it is not. */
  drops(target) {
    if (!this.#off || !isForService(target)) return false;
    this.dropped++;
    this.dispatchEvent(new Event('change'));
    return true;
  }
}

export const network = new Network();

window.fetch = (target, options) => (network.drops(target)
  ? Promise.reject(new TypeError('The network is off.')) : originals.fetch(target, options));
navigator.sendBeacon = (target, data) => network.drops(target) || originals.beacon(target, data);
Object.defineProperty(navigator, 'onLine', { get: () => !network.off });
