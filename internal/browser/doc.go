// Package browser tests the player client as viewers meet it: in a real Chromium
// that plays the demo's real video, on plain HTML pages behind the real service
// with a real database. Only the network between them is played: the pages'
// server can lose it, slow it down or take the service down.
//
// Vimeo and YouTube are stand-ins that follow the documented interfaces of
// @vimeo/player and of the IFrame API; Video.js and Plyr are the packages
// themselves.
package browser
