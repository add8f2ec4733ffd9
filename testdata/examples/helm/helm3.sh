# Prints the chart as it is installed; the same flags work with helm install and helm upgrade.
set -eu
helm template shop chart -n shop --post-renderer slipway/post-render --post-renderer-args=-s=sidecars --post-renderer-args=-n=shop --post-renderer-args=--must-inject
