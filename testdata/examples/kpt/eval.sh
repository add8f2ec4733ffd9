# The same without a Kptfile that says so.
set -eu
results=$(mktemp -d)
echo "results: $results"
kpt fn eval --exec "slipway fn" --results-dir "$results"
