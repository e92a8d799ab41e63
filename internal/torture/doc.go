// Package torture breaks things while a checker watches. It promises that the
// service's promise is tried as its users would try it: a crowd of random
// viewers sends requests to the real binary, on a real MariaDB, under the
// account of production, while processes are killed, networks fall silent,
// databases restart and sinks lie; and in the end every row and every event is
// explained by what was acknowledged, and everything acknowledged is there.
//
// The pieces, all of them tests:
//
//   - crowd, person: who sends what. One seed gives the same wishes again, and
//     the same faults in the same order; who is first is the machine's affair.
//   - model: every state a viewer may be in, given the answers they got. A
//     request without an answer may have happened or not, but never by half.
//     What a request does to a state, and the bytes of an event, the model asks
//     of the service's own packages webinar and webhook: their rules have tests
//     of their own, against the contract's examples.
//   - recorder: the sink, which keeps what it got, when, and what it said.
//   - verdict: what the rows and the sink say beside the model.
//   - rig, fault: a run, and what goes wrong in it.
//
// The environment: TORTURE_SEED repeats a run, TORTURE_FOR=15m makes TestTorture
// last that long.
package torture
