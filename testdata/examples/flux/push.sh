# In CI, in a checkout, with REGISTRY set: renders, pushes, and pins what was pushed.
# Through a file: a pipe would push an empty artifact where rendering fails.
slipway render app -s sidecars > shop.yaml
flux push artifact "oci://$REGISTRY/shop:$(git rev-parse --short HEAD)" -f - -o yaml --source="$(git config --get remote.origin.url)" --revision="$(git branch --show-current)@sha1:$(git rev-parse HEAD)" < shop.yaml > pushed
digest=$(sed -n 's/^digest: //p' pushed)
sed -i "s/digest: .*/digest: $digest/" deploy/source.yaml
rm shop.yaml pushed
