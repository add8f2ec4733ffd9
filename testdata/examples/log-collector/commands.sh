set -eu
cat app.yaml | slipway render -s sidecarset.yaml
