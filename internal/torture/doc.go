// Package torture injects faults into the service and checks the results. A group
// of random viewers sends requests to the real binary, on a real MariaDB server with
// the privileges of production, while processes are killed, networks fail, databases
// restart and receivers misbehave. After a run the requests must explain every row
// and every event, and every effect of an acknowledged request must exist.
//
// The package consists of tests:
//
//   - viewer sends requests. A seed determines the requests and the order of the
//     faults, but not their timing.
//   - model records the requests of a viewer and the responses.
//   - search and state compute every state that a viewer may be in, given the
//     responses. A request without a response was applied as a whole or not at all.
//     The effect of a request and the body of an event come from the packages webinar
//     and webhook, which are tested against the examples of the contract.
//   - receiver records the delivered webhooks and the responses to them.
//   - check and result compare the rows and the events with the possible states.
//   - rig, faults and scenario run the service and inject faults.
//
// TORTURE_SEED repeats a run. TORTURE_FOR=15m makes TestTorture last that long.
package torture
