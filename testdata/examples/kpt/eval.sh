# The same without a Kptfile that says so.
kpt fn eval --exec "slipway fn" --results-dir results
