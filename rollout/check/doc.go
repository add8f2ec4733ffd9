// SPDX-License-Identifier: Apache-2.0

// Package check asks the checks of a plan: Prometheus, a web server, a Job, the pods themselves.
//
// A Runner goes along with a release. It is told every decision and measures what that decision names, each check in its
// own time, and hands back how the checks stand. What becomes of a release is not decided here: rollout.Check.Judge adds
// measurements up, and rollout.Decide draws the conclusion.
//
//	runner, err := check.New(check.Options{Plan: plan, Secrets: "/etc/slipway/secrets", Now: time.Now})
//	defer runner.Close()
//	for ... {
//		o.Checks, _ = runner.Results()
//		d := rollout.Decide(plan, o)
//		runner.Attend(o, d)
//		<-runner.Changed()
//	}
//
// # What counts as an answer
//
// A measurement passes or fails only where the question was answered with one finite value that can be held against its
// limits. Everything else is inconclusive and says why: a server that cannot be reached, a timeout, an error, an empty
// result, several values, NaN and infinity, an answer that cannot be read. It never passes.
//
// # Secrets
//
// A plan names keys of Secrets. Their values are files, as Kubernetes mounts them: the folder, the Secret's name, the key.
// They are read for each measurement, so a token that is renewed is used, and they appear in no message.
//
// # Not for
//
// Nothing is remembered: a Runner that is started again measures the batch anew. The Jobs of a check have names that follow
// from what they are for, so that they are found again instead of run twice.
package check
