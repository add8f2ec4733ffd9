// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/api/resource"
)

// negativeError is an expression's result that no resource can have.
type negativeError struct{ result resource.Quantity }

func (e negativeError) Error() string {
	return fmt.Sprintf("the result %s is negative", e.result.String())
}

// tryExpression evaluates an expression as injection will, with quantities. Kruise's admission tries the number 1 only,
// and so accepts cpu*100m, a product of quantities, which then refuses every pod.
//
// Whether operands go together does not depend on the variable's value, but the sign of the result does. It is looked
// at for zero and for powers of two up to beyond what a node has; where it changes, the place is searched for. The
// ranges returned say where it is negative; an error says why the expression never works.
func tryExpression(expr, name string) (negative []string, err error) {
	unit, steps, format := int64(1), 20, resource.DecimalSI // milli-cores, up to 1,000 cores
	if name == "memory" {
		unit, steps, format = 1<<20, 23, resource.BinarySI // up to 4 TiB
	}
	quantity := func(n int64) resource.Quantity {
		if name == "memory" {
			return *resource.NewQuantity(n, format)
		}
		return *resource.NewMilliQuantity(n, format)
	}
	isNegative := func(n int64) (bool, error) {
		_, err := evaluate(expr, name, quantity(n))
		var sign negativeError
		if errors.As(err, &sign) {
			return true, nil
		}
		return false, err
	}
	s := signs{text: func(n int64) string { q := quantity(n); return q.String() }, negative: isNegative}
	if err := s.sample(0); err != nil {
		return nil, err
	}
	for i := range steps {
		if err := s.sample(unit << i); err != nil {
			return nil, err
		}
	}
	if s.always() {
		_, err := evaluate(expr, name, quantity(0))
		return nil, err
	}
	return s.ranges(), nil
}

// signs follows the sign of a function over growing samples.
type signs struct {
	negative func(int64) (bool, error)
	text     func(int64) string
	last     int64
	changes  []int64 // where the sign changes: the first sample of the new one
	first    bool    // whether the result is negative at the first sample
	now      bool
	started  bool
}

func (s *signs) sample(n int64) error {
	sign, err := s.negative(n)
	switch {
	case err != nil:
		return err
	case !s.started:
		s.first, s.started = sign, true
	case sign != s.now:
		s.changes = append(s.changes, s.search(s.last, n, sign))
	}
	s.last, s.now = n, sign
	return nil
}

// search finds the smallest value above low from which on the sign is that of high.
func (s *signs) search(low, high int64, sign bool) int64 {
	for high-low > 1 {
		middle := low + (high-low)/2
		if at, err := s.negative(middle); err == nil && at == sign {
			high = middle
		} else {
			low = middle
		}
	}
	return high
}

func (s *signs) always() bool { return s.first && len(s.changes) == 0 }

// ranges puts into words where the result is negative.
func (s *signs) ranges() []string {
	var out []string
	negative := s.first
	for i, change := range s.changes {
		switch {
		case negative && i == 0:
			out = append(out, "below "+s.text(change))
		case negative:
			out[len(out)-1] = "from " + s.text(s.changes[i-1]) + " to below " + s.text(change)
		default:
			out = append(out, s.text(change)+" or more")
		}
		negative = !negative
	}
	return out
}
