// Package torture injects faults into the service while a checker watches. A crowd
// of random viewers sends requests to the real binary, on a real MariaDB server with
// the privileges of production, while processes are killed, networks fail, databases
// restart and receivers misbehave. In the end acknowledged requests must explain
// every row and every event, and all that they lead to must be there.
//
// The package consists of tests:
//
//   - viewer: the requests of the crowd. A seed repeats the requests and the order of
//     the faults, but not their timing.
//   - model: what a viewer has sent, and the responses.
//   - search, state: every state that a viewer may be in, given the responses. A
//     request without a response may have been applied or not, but as a whole. The
//     effect of a request, and the body of an event, come from the packages webinar
//     and webhook, which are tested against the examples of the contract.
//   - receiver: the webhooks that were delivered, and the responses to them.
//   - check, result: compares the rows and the events with the possible states.
//   - rig, faults, scenario: a run, and what goes wrong in it.
//
// TORTURE_SEED repeats a run. TORTURE_FOR=15m makes TestTorture last that long.
package torture
