// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"math"

	"k8s.io/apimachinery/pkg/api/resource"
)

// operand is a number or, where isQuantity, a quantity.
type operand struct {
	isQuantity bool
	number     float64
	quantity   resource.Quantity
}

func (o operand) asQuantity() resource.Quantity {
	if o.isQuantity {
		return o.quantity.DeepCopy()
	}
	return *resource.NewMilliQuantity(int64(o.number*1000), resource.DecimalSI)
}

// maxUnits is where numbers and quantities end: their milli-units fit into 64 bits, which all arithmetic goes through.
const maxUnits = math.MaxInt64 / 1000

// inRange refuses an operand that cannot be counted in milli-units.
func (o operand) inRange() (operand, error) {
	switch {
	case o.isQuantity && (o.quantity.CmpInt64(maxUnits) > 0 || o.quantity.CmpInt64(-maxUnits) < 0):
		return operand{}, fmt.Errorf("%s is too large", o.quantity.String())
	case !o.isQuantity && !(math.Abs(o.number) < maxUnits): // not a number is out of range too
		return operand{}, fmt.Errorf("%g is too large", o.number)
	}
	return o, nil
}

func pick(left, right operand, larger bool) operand {
	l, r := left.asQuantity(), right.asQuantity()
	order := l.Cmp(r)
	if !left.isQuantity && !right.isQuantity {
		order = compareNumbers(left.number, right.number)
	}
	winner := right
	if larger && order >= 0 || !larger && order <= 0 {
		winner = left
	}
	if left.isQuantity || right.isQuantity {
		return operand{isQuantity: true, quantity: winner.asQuantity()}
	}
	return winner
}

func compareNumbers(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func add(left, right operand, negate bool) operand {
	if !left.isQuantity && !right.isQuantity {
		if negate {
			right.number = -right.number
		}
		return operand{number: left.number + right.number}
	}
	l, r := left.asQuantity(), right.asQuantity()
	if negate {
		r.Neg()
	}
	l.Add(r)
	return operand{isQuantity: true, quantity: l}
}

func multiply(left, right operand) (operand, error) {
	switch {
	case left.isQuantity && right.isQuantity:
		return operand{}, errors.New("a quantity cannot be multiplied by a quantity")
	case right.isQuantity:
		return scaled(right, float64(right.quantity.MilliValue())*left.number)
	case left.isQuantity:
		return scaled(left, float64(left.quantity.MilliValue())*right.number)
	}
	return operand{number: left.number * right.number}.inRange()
}

func divide(left, right operand) (operand, error) {
	switch {
	case right.isQuantity:
		return operand{}, errors.New("nothing can be divided by a quantity")
	case right.number == 0:
		return operand{}, errors.New("division by zero")
	case left.isQuantity:
		return scaled(left, float64(left.quantity.MilliValue())/right.number)
	}
	return operand{number: left.number / right.number}.inRange()
}

// scaled is a quantity of so many milli-units in the format of o, cut off to whole ones.
func scaled(o operand, milli float64) (operand, error) {
	if !(math.Abs(milli) < maxUnits*1000) {
		return operand{}, fmt.Errorf("a product or quotient of %s is too large", o.quantity.String())
	}
	q := o.quantity.DeepCopy()
	q.SetMilli(int64(milli))
	return operand{isQuantity: true, quantity: q}, nil
}
