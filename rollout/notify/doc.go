// SPDX-License-Identifier: Apache-2.0

// Package notify tells people and programs what happens in a release: a generic webhook takes an [Event] as JSON, and a
// chat takes it in Slack's format.
//
// A [Notifier] hears every decision of rollout.Run and picks those that are news: each reason once a batch. What it tells
// waits in a queue for each receiver, so a receiver that hangs or refuses never holds up a release. Deliveries are made one
// after the other, tried again where that can help, and given a bounded time when the release has ended. What could not be
// told is a warning.
//
// Secrets are read from files at each delivery, so one that is renewed is used. No error holds a secret, nor a URL that is
// one.
//
// The package remembers nothing between two agents: one that goes on with a release tells again what the release waits for.
package notify
