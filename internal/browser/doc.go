// Package browser tests the player client and the status page in Chromium. The
// pages are plain HTML and play the video of the demo; behind them is the service
// with a database. The server of the pages proxies their requests to the service
// and can make them fail.
//
// Vimeo and YouTube are replaced by stubs of the documented interfaces of
// @vimeo/player and of the IFrame API; Video.js and Plyr are the published
// packages.
package browser
