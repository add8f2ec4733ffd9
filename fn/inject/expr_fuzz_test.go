// SPDX-License-Identifier: Apache-2.0

package inject_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/api/resource"
)

// FuzzExpression evaluates any text: there is an answer or an error, never neither, both or a panic.
func FuzzExpression(f *testing.F) {
	for _, expr := range []string{
		"cpu*50%", "max(cpu*0.5, 100m)", "min(memory, 1Gi)-(2+3)/4", "-(-cpu)", "1e-3+2.5Mi", "((",
		"max(1,", "9P*9P", "%", "1e999",
	} {
		f.Add(expr, "2")
	}
	f.Fuzz(func(t *testing.T, expr, value string) {
		if _, err := resource.ParseQuantity(value); err != nil || expr == "" || !utf8.ValidString(expr+value) {
			t.Skip()
		}
		got, problem := evaluateIn(t, "cpu", expr, value)
		if problem != "" && got != "" {
			t.Fatalf("%q and %q", got, problem)
		}
		if q, err := resource.ParseQuantity(got); problem == "" && (err != nil || q.Sign() < 0) {
			t.Fatalf("%q of %s: %q is not a quantity", expr, value, got)
		}
	})
}

// exact is an expression and its value in exact arithmetic.
type exact struct {
	text       string
	value      *big.Rat
	isQuantity bool
}

// randomExact makes an expression that is well formed: no product of quantities, no division but by small numbers.
func randomExact(r *rand.Rand, depth int, cpu *big.Rat) exact {
	if depth == 0 {
		switch r.IntN(4) {
		case 0:
			n := r.Int64N(900) + 1
			return exact{fmt.Sprintf("%d.%02d", n/100, n%100), big.NewRat(n, 100), false}
		case 1:
			n := r.Int64N(100) + 1
			return exact{fmt.Sprintf("%d%%", n), big.NewRat(n, 100), false}
		case 2:
			n := r.Int64N(5000) + 1
			return exact{fmt.Sprintf("%dm", n), big.NewRat(n, 1000), true}
		default:
			return exact{"cpu", cpu, true}
		}
	}
	x, y := randomExact(r, depth-1, cpu), randomExact(r, depth-1, cpu)
	either := x.isQuantity || y.isQuantity
	switch op := r.IntN(6); {
	case op == 0:
		return exact{"(" + x.text + " + " + y.text + ")", new(big.Rat).Add(x.value, y.value), either}
	case op == 1:
		return exact{"(" + x.text + "-" + y.text + ")", new(big.Rat).Sub(x.value, y.value), either}
	case op == 2 && (!x.isQuantity || !y.isQuantity):
		return exact{x.text + "*" + y.text, new(big.Rat).Mul(x.value, y.value), either}
	case op == 3:
		return exact{x.text + "/4", new(big.Rat).Quo(x.value, big.NewRat(4, 1)), x.isQuantity}
	case op == 4 && x.value.Cmp(y.value) < 0:
		return exact{"max(" + x.text + "," + y.text + ")", y.value, either}
	case op == 5 && x.value.Cmp(y.value) < 0:
		return exact{"min(" + x.text + "," + y.text + ")", x.value, either}
	}
	return exact{"(" + x.text + ")", x.value, x.isQuantity}
}

// FuzzExpressionAgreesWithExactArithmetic allows for the milli-units that every product is cut off to.
func FuzzExpressionAgreesWithExactArithmetic(f *testing.F) {
	for seed := range uint64(500) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 2))
		cpu := r.Int64N(64000) + 1
		e := randomExact(r, 1+r.IntN(3), big.NewRat(cpu, 1000))
		got, problem := evaluateIn(t, "cpu", e.text, fmt.Sprintf("%dm", cpu))
		// Each of at most seven products loses a milli-unit at most, which those after it may multiply by 81.
		tolerance := big.NewRat(7*81, 1000)
		if problem != "" {
			if e.value.Cmp(tolerance) > 0 {
				t.Fatalf("%s of %dm is %s, got: %s", e.text, cpu, e.value.FloatString(4), problem)
			}
			return
		}
		q := resource.MustParse(got)
		value, ok := new(big.Rat).SetString(q.AsDec().String())
		if !ok {
			t.Fatal(got)
		}
		if difference := new(big.Rat).Sub(value, e.value); difference.Abs(difference).Cmp(tolerance) > 0 {
			t.Fatalf("%s of %dm is %s, got %s", e.text, cpu, e.value.FloatString(4), got)
		}
	})
}
