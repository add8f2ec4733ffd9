// SPDX-License-Identifier: Apache-2.0

package inject

import (
	"errors"
	"fmt"
	"slices"
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
// Names are read in any case. A number may have an exponent, and a quantity one of the units of quantityUnits.
// A number meets a quantity in sums and comparisons as a quantity of that many units. A quantity cannot be multiplied
// or divided by a quantity. Products go through milli-units as floating point, as Kruise's do, so 512Mi*30% is
// 161061273600m. What leaves the range of 64 bits of milli-units is an error; Kruise computes nonsense there.

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
	if !result.isQuantity && result.number < 0 {
		return resource.Quantity{}, fmt.Errorf("the result %v is negative", result.number)
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

func (p *exprParser) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n\v\f") }

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
			left, err = add(left, right, op == '-').inRange()
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
	switch {
	case p.rest == "":
		return operand{}, errors.New("a value is missing at the end")
	case isDigit(p.rest[0]) || p.rest[0] == '.':
		return literal(p.number())
	case isLetter(p.rest[0]):
		return p.identifier(strings.ToLower(p.leading(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' })))
	default:
		return operand{}, fmt.Errorf("unexpected %q", p.rest)
	}
}

// leading consumes characters as long as they are of a kind.
func (p *exprParser) leading(is func(c byte) bool) string {
	n := 0
	for n < len(p.rest) && is(p.rest[n]) {
		n++
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

// number consumes digits, a fraction and an exponent, and what stands at their end: a percent sign or a unit.
func (p *exprParser) number() (digits, unit string) {
	digits = p.leading(isDigit)
	if strings.HasPrefix(p.rest, ".") {
		p.rest = p.rest[1:]
		digits += "." + p.leading(isDigit)
	}
	if n := exponentLength(p.rest); n > 0 {
		digits, p.rest = digits+p.rest[:n], p.rest[n:]
	}
	if strings.HasPrefix(p.rest, "%") {
		p.rest = p.rest[1:]
		return digits, "%"
	}
	return digits, p.leading(isLetter)
}

// exponentLength measures an exponent at the start of s; an e without digits is a unit.
func exponentLength(s string) int {
	n := 1
	if s == "" || s[0] != 'e' && s[0] != 'E' {
		return 0
	}
	if len(s) > 1 && (s[1] == '+' || s[1] == '-') {
		n++
	}
	start := n
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == start {
		return 0
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// quantityUnits are the units that Kruise reads in an expression. It takes a number with any other, Ei included, for 0.
func quantityUnits() []string {
	return []string{"m", "k", "M", "G", "T", "P", "Ki", "Mi", "Gi", "Ti", "Pi"}
}

func literal(digits, unit string) (operand, error) {
	if unit != "" && unit != "%" {
		if !slices.Contains(quantityUnits(), unit) {
			return operand{}, fmt.Errorf("%q has an unknown unit: an expression knows %%, %s",
				digits+unit, strings.Join(quantityUnits(), ", "))
		}
		q, err := resource.ParseQuantity(digits + unit)
		if err != nil {
			return operand{}, fmt.Errorf("%q is not a quantity", digits+unit)
		}
		return operand{isQuantity: true, quantity: q}.inRange()
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return operand{}, fmt.Errorf("%q is not a number", digits+unit)
	}
	if unit == "%" {
		n /= 100
	}
	return operand{number: n}.inRange()
}

func (p *exprParser) identifier(word string) (operand, error) {
	switch word {
	case p.name:
		return operand{isQuantity: true, quantity: p.value.DeepCopy()}.inRange()
	case "max", "min":
		return p.call(word)
	case "memory":
		if p.name == "cpu" {
			return operand{}, errors.New("unknown name \"memory\": write it in lower case, which Kruise needs")
		}
	}
	return operand{}, fmt.Errorf("unknown name %q: this expression knows %s, max and min", word, p.name)
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
