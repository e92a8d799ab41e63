// Every player as something that behaves like an HTMLMediaElement.

/** @typedef {import('./autowebinar').Media} Media */

/**
 * @param {any} player a media element, or a Video.js, Plyr, Vimeo or YouTube player
 * @param {(name: string) => string} address where an adapter is
 * @returns {Media | Promise<Media>}
 */
export function mediaOf(player, address) {
  if (typeof player?.tech === 'function') return ofVideoJS(player);
  if (player?.provider && player.elements) return ofPlyr(player, address);
  if (typeof player?.setCurrentTime === 'function') return adapted(player, address('vimeo'));
  if (typeof player?.getIframe === 'function') return adapted(player, address('youtube'));
  if (typeof player?.currentTime === 'number' && player.addEventListener) return player;
  throw new TypeError('AutoWebinar: attach() wants a media element, or a Video.js, Plyr, Vimeo or YouTube player');
}

/** @param {any} player @returns {Promise<Media>} */
const ofVideoJS = (player) => new Promise((resolve, reject) => player.ready(() => {
  const element = player.tech(true).el();
  if (typeof element.currentTime === 'number') resolve(element);
  else reject(new TypeError('AutoWebinar: this Video.js tech has no media element; attach the player inside it'));
}));

/** @param {any} player @param {(name: string) => string} address @returns {Media | Promise<Media>} */
function ofPlyr(player, address) {
  if (player.provider === 'html5') return player.media;
  if (player.embed) return mediaOf(player.embed, address);
  return new Promise((resolve) => player.once('ready', () => resolve(mediaOf(player.embed, address))));
}

/** @param {any} player @param {string} address @returns {Promise<Media>} */
const adapted = async (player, address) => (await import(address)).media(player);
