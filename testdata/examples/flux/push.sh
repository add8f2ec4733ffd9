# In CI, in a checkout, with REGISTRY set: renders, pushes, and pins what was pushed. Whatever goes wrong ends it before
# anything is pinned: Flux prunes what an artifact lacks.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# From a path: flux takes the line feeds off the end of standard input, and a pipe would push what a failed command printed.
slipway render app -s sidecars > "$work/shop.yaml"
grep -q '^kind:' "$work/shop.yaml" || { echo "app renders to nothing" >&2; exit 1; }
flux push artifact "oci://$REGISTRY/shop:$(git rev-parse --short HEAD)" -f "$work/shop.yaml" -o yaml --reproducible --source="$(git config --get remote.origin.url)" --revision="$(git branch --show-current)@sha1:$(git rev-parse HEAD)" > "$work/pushed"
digest=$(sed -n 's/^digest: \(sha256:[0-9a-f]\{64\}\)$/\1/p' "$work/pushed")
test -n "$digest" || { echo "flux names no digest" >&2; exit 1; }
sed "s/digest: .*/digest: $digest/" deploy/source.yaml > "$work/source.yaml"
cat "$work/source.yaml" > deploy/source.yaml
