// Package webinar contains the rules of the domain: what a viewing session is,
// what a viewer may do in it, and which events follow.
//
// A [Viewer] is everything the service stores about one WordPress user. A
// command, such as [Rules.Enter] or [Rules.Progress], takes a viewer and the
// time and returns a [Result]: the viewer afterwards and the events to deliver.
//
// The package guarantees:
//
//   - Commands are pure functions. They read no clock, database or network, and
//     they do not modify their arguments: the same arguments always give the
//     same result. A command that returns an error changes nothing.
//   - Progress is earned. While [Rules.MaxRate] is set, a session cannot reach
//     a position faster than that playback rate allows from the furthest position
//     watched, apart from a few seconds of tolerance.
//     Percent, Furthest and Completed never decrease.
//   - Commands may be repeated and reordered. A late report does not move the
//     position back, and the first entry, exit, completion and registration
//     emit their events once. Repeats of an evaluation or a form submission
//     emit the event again with the same id.
//   - At most one session of a viewer is current. Entering another webinar
//     parks the current session unchanged until the viewer returns to it.
package webinar
