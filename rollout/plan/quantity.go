// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// percentScale is how many units one percent has. Percentages are kept as whole units because a float would round
// "33.3%" of 1000 to 334 on one machine and, after an innocent rewrite of the expression, to 333.
const percentScale = 1_000_000

// MaxPods bounds every absolute number, so that no product or sum below can overflow.
const MaxPods = 100_000_000

// AllPods is a partition that keeps every pod, for kinds that take no percentage: more than any target has, so that
// pods which are added later are kept too.
const AllPods = 1_000_000

// Quantity is a number of pods or a share of the replicas: the API's IntOrString. The zero value is the number 0.
type Quantity struct {
	units   int64 // pods, or millionths of a percent
	percent bool
}

// Pods returns the quantity of exactly n pods.
func Pods(n int) Quantity { return Quantity{units: int64(n)} }

// Percent returns the quantity of n percent of the replicas.
func Percent(n int) Quantity { return Quantity{units: int64(n) * percentScale, percent: true} }

// ParseQuantity reads a number ("3") or a percentage ("20%", "33.3%"). Up to six decimals are kept; more is an error,
// because dropping them would silently change a rounding.
func ParseQuantity(s string) (Quantity, error) {
	digits, percent := strings.CutSuffix(s, "%")
	if !percent {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 || n > MaxPods {
			return Quantity{}, fmt.Errorf("%q is not a number of pods: write 3 or \"20%%\"", s)
		}
		return Quantity{units: n}, nil
	}
	units, err := parsePercent(digits)
	if err != nil {
		return Quantity{}, fmt.Errorf("%q is not a percentage: %w", s, err)
	}
	return Quantity{units: units, percent: true}, nil
}

func parsePercent(digits string) (int64, error) {
	whole, decimals, dotted := strings.Cut(digits, ".")
	if whole == "" || (dotted && decimals == "") || len(whole) > 4 || !isDigits(whole) || !isDigits(decimals) {
		return 0, errors.New("write digits before the %, such as 20%")
	}
	if len(decimals) > 6 {
		return 0, errors.New("at most six decimals are kept")
	}
	return strconv.ParseInt(whole+decimals+strings.Repeat("0", 6-len(decimals)), 10, 64)
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// IsPercent tells whether the quantity depends on the number of replicas.
func (q Quantity) IsPercent() bool { return q.percent }

// Up is the number of pods for a CloneSet of the given replicas, rounded up.
func (q Quantity) Up(replicas int) int {
	if !q.percent {
		return int(q.units)
	}
	const whole = 100 * percentScale
	return int((q.units*int64(replicas) + whole - 1) / whole)
}

// Down is the number of pods for a CloneSet of the given replicas, rounded down.
func (q Quantity) Down(replicas int) int {
	if !q.percent {
		return int(q.units)
	}
	return int(q.units * int64(replicas) / (100 * percentScale))
}

// Partition is the number of pods that a partition of q keeps on older revisions. It rounds up, never exceeds
// replicas, and a percentage below 100% leaves at least one pod to update when there is more than one (Kruise 1.2).
func (q Quantity) Partition(replicas int) int {
	p := min(q.Up(replicas), replicas)
	if q.percent && q.units < 100*percentScale && p == replicas && replicas > 1 {
		return replicas - 1
	}
	return p
}

// Updated is the number of updated pods that a batch of q asks for: what a partition of the complement leaves over.
// So a batch of 20% moves exactly as many pods as a partition of 80%.
func (q Quantity) Updated(replicas int) int {
	if !q.percent {
		return min(int(q.units), replicas)
	}
	rest := Quantity{units: max(100*percentScale-q.units, 0), percent: true}
	if q.units == 0 {
		return 0
	}
	return replicas - rest.Partition(replicas)
}

// String is the quantity as one writes it in YAML: 3 or 20%.
func (q Quantity) String() string {
	if !q.percent {
		return strconv.FormatInt(q.units, 10)
	}
	s := fmt.Sprintf("%d.%06d", q.units/percentScale, q.units%percentScale)
	return strings.TrimRight(strings.TrimRight(s, "0"), ".") + "%"
}

// MarshalText lets a Quantity appear in JSON as one writes it in YAML.
func (q Quantity) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (q *Quantity) UnmarshalText(text []byte) error {
	parsed, err := ParseQuantity(string(text))
	if err != nil {
		return err
	}
	*q = parsed
	return nil
}
