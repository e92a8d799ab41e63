import { attach } from '/wp-json/autowebinar/v1/player.js';

const { nonce } = document.querySelector('[data-nonce]').dataset;
window.vimeo = attach(new Vimeo.Player(document.querySelector('video')), { webinarId: 'pro', nonce, enterAt: 'now' });
