# slipway as a command of flux.
set -eu
mkdir -p ~/.fluxcd/plugins
ln -sf "$(command -v slipway)" ~/.fluxcd/plugins/flux-slipway
flux slipway render app -s sidecars
