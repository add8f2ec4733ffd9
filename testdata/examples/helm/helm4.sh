# Prints the chart as it is installed; the same flags work with helm install and helm upgrade.
# Helm 4 shows nothing of what a post-renderer says, so that the report has to say it.
helm plugin install ./slipway
helm template shop chart -n shop --post-renderer slipway --post-renderer-args=-s=sidecars --post-renderer-args=-n=shop --post-renderer-args=-c=slipway.yaml --post-renderer-args=--report-file=report.txt
