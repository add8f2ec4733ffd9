# slipway as a command of flux.
mkdir -p ~/.fluxcd/plugins
ln -sf "$(command -v slipway)" ~/.fluxcd/plugins/flux-slipway
flux slipway render app -s sidecars
