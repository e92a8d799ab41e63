// Adapts players to the interface of HTMLMediaElement.

/** @typedef {import('./autowebinar').Media} Media */

/**
 * @param {any} player a media element, or a Video.js, Plyr, Vimeo or YouTube player
 * @param {(name: string) => string} adapterURL
 * @returns {Media | Promise<Media>}
 */
export function toMedia(player, adapterURL) {
  if (typeof player?.tech === 'function') return fromVideoJS(player);
  if (player?.provider && player.elements) return fromPlyr(player, adapterURL);
  if (typeof player?.setCurrentTime === 'function') return load(adapterURL('vimeo'), player);
  if (typeof player?.getIframe === 'function') return load(adapterURL('youtube'), player);
  if (typeof player?.currentTime === 'number' && player.addEventListener) return player;
  throw new TypeError('AutoWebinar: attach() needs a media element, or a Video.js, Plyr, Vimeo or YouTube player');
}

/** @param {any} player @returns {Promise<Media>} */
const fromVideoJS = (player) => new Promise((resolve, reject) => player.ready(() => {
  const element = player.tech(true).el();
  if (typeof element.currentTime === 'number') resolve(element);
  else reject(new TypeError('AutoWebinar: this Video.js tech has no media element; attach the player inside it'));
}));

/** @param {any} player @param {(name: string) => string} adapterURL @returns {Media | Promise<Media>} */
function fromPlyr(player, adapterURL) {
  if (player.provider === 'html5') return player.media;
  if (player.embed) return toMedia(player.embed, adapterURL);
  return new Promise((resolve) => player.once('ready', () => resolve(toMedia(player.embed, adapterURL))));
}

/** @param {string} url @param {any} player @returns {Promise<Media>} */
const load = async (url, player) => (await import(url)).media(player);
