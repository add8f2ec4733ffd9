# Prints the chart as it is installed; the same flags work with helm install and helm upgrade.
# Helm 4 shows nothing of what a post-renderer says: --must-inject makes a failure of what is else a warning, and the report has
# the reason.
set -eu
helm plugin list | grep -q '^slipway' || helm plugin install ./slipway
helm template shop chart -n shop --post-renderer slipway --post-renderer-args=-s=sidecars --post-renderer-args=-n=shop --post-renderer-args=-c=slipway.yaml --post-renderer-args=--must-inject --post-renderer-args=--report-file=report.txt
