// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
)

// A resource expression is arithmetic over numbers, percentages, quantities and one variable, cpu or memory:
//
//	expr   = term  { ("+" | "-") term }
//	term   = unary { ("*" | "/") unary }
//	unary  = "-" unary | "(" expr ")" | number | percentage | quantity | variable | ("max" | "min") "(" expr "," expr ")"
//
// A number meets a quantity in sums and comparisons as a quantity of that many units. A quantity cannot be multiplied
// or divided by a quantity. Products go through milli-units as floating point, as Kruise's do, so 512Mi*30% is
// 161061273600m.

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

// evaluate computes an expression in which name stands for value.
func evaluate(expr, name string, value resource.Quantity) (resource.Quantity, error) {
	p := &exprParser{rest: expr, name: name, value: value}
	result, err := p.sum()
	if err == nil {
		p.space()
		if p.rest != "" {
			err = fmt.Errorf("unexpected %q", p.rest)
		}
	}
	if err != nil {
		return resource.Quantity{}, err
	}
	q := result.quantity
	switch {
	case result.isQuantity:
	case name == "memory":
		q = *resource.NewQuantity(int64(result.number), resource.DecimalSI)
	default:
		q = result.asQuantity()
	}
	if q.Sign() < 0 {
		return resource.Quantity{}, negativeError{q}
	}
	return q, nil
}

// maxExprDepth bounds parentheses and signs, which recurse.
const maxExprDepth = 100

type exprParser struct {
	rest  string
	name  string
	value resource.Quantity
	depth int
}

func (p *exprParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take consumes one of the characters in set, or returns 0.
func (p *exprParser) take(set string) byte {
	p.space()
	if p.rest == "" || !strings.Contains(set, p.rest[:1]) {
		return 0
	}
	c := p.rest[0]
	p.rest = p.rest[1:]
	return c
}

func (p *exprParser) sum() (operand, error) {
	left, err := p.product()
	for err == nil {
		op := p.take("+-")
		if op == 0 {
			break
		}
		var right operand
		if right, err = p.product(); err == nil {
			left = add(left, right, op == '-')
		}
	}
	return left, err
}

func (p *exprParser) product() (operand, error) {
	left, err := p.unary()
	for err == nil {
		op := p.take("*/")
		if op == 0 {
			break
		}
		var right operand
		if right, err = p.unary(); err != nil {
			break
		}
		if op == '*' {
			left, err = multiply(left, right)
		} else {
			left, err = divide(left, right)
		}
	}
	return left, err
}

func (p *exprParser) unary() (operand, error) {
	if p.depth++; p.depth > maxExprDepth {
		return operand{}, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.take("-") != 0:
		o, err := p.unary()
		o.number = -o.number
		o.quantity.Neg()
		return o, err
	case p.take("(") != 0:
		o, err := p.sum()
		if err == nil && p.take(")") == 0 {
			err = errors.New("a closing parenthesis is missing")
		}
		return o, err
	}
	word := p.word()
	switch {
	case word == "" && p.rest == "":
		return operand{}, errors.New("a value is missing at the end")
	case word == "":
		return operand{}, fmt.Errorf("unexpected %q", p.rest)
	case word[0] >= '0' && word[0] <= '9' || word[0] == '.':
		return literal(word)
	default:
		return p.identifier(strings.ToLower(word))
	}
}

func (p *exprParser) word() string {
	n := 0
	for n < len(p.rest) && (isAlphaNumeric(p.rest[n]) || strings.IndexByte("._%", p.rest[n]) >= 0) {
		n++
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

func isAlphaNumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func literal(word string) (operand, error) {
	if percent, ok := strings.CutSuffix(word, "%"); ok {
		n, err := strconv.ParseFloat(percent, 64)
		if err != nil {
			return operand{}, fmt.Errorf("%q is not a percentage", word)
		}
		return operand{number: n / 100}, nil
	}
	if n, err := strconv.ParseFloat(word, 64); err == nil {
		return operand{number: n}, nil
	}
	q, err := resource.ParseQuantity(word)
	if err != nil {
		return operand{}, fmt.Errorf("%q is neither a number nor a quantity", word)
	}
	return operand{isQuantity: true, quantity: q}, nil
}

func (p *exprParser) identifier(word string) (operand, error) {
	switch word {
	case p.name:
		return operand{isQuantity: true, quantity: p.value.DeepCopy()}, nil
	case "max", "min":
		return p.call(word)
	default:
		return operand{}, fmt.Errorf("unknown name %q: this expression knows %s, max and min", word, p.name)
	}
}

func (p *exprParser) call(function string) (operand, error) {
	if p.take("(") == 0 {
		return operand{}, fmt.Errorf("%s needs two values in parentheses", function)
	}
	left, err := p.sum()
	if err != nil {
		return left, err
	}
	if p.take(",") == 0 {
		return left, fmt.Errorf("%s needs exactly two values", function)
	}
	right, err := p.sum()
	if err != nil {
		return right, err
	}
	if p.take(")") == 0 {
		return left, fmt.Errorf("%s needs exactly two values", function)
	}
	return pick(left, right, function == "max"), nil
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
		return scale(right, left.number), nil
	case left.isQuantity:
		return scale(left, right.number), nil
	}
	return operand{number: left.number * right.number}, nil
}

func divide(left, right operand) (operand, error) {
	switch {
	case right.isQuantity:
		return operand{}, errors.New("nothing can be divided by a quantity")
	case right.number == 0:
		return operand{}, errors.New("division by zero")
	case left.isQuantity:
		q := left.quantity.DeepCopy()
		q.SetMilli(int64(float64(left.quantity.MilliValue()) / right.number))
		return operand{isQuantity: true, quantity: q}, nil
	}
	return operand{number: left.number / right.number}, nil
}

func scale(o operand, factor float64) operand {
	q := o.quantity.DeepCopy()
	q.SetMilli(int64(float64(o.quantity.MilliValue()) * factor))
	return operand{isQuantity: true, quantity: q}
}
