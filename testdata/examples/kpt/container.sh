# The same in a container, so that nothing has to be allowed to run on this machine. IMAGE is slipway's image by its digest, as
# image.txt of a release names it: ghcr.io/slipway-dev/slipway:v0.1.0@sha256:...
set -eu
: "${IMAGE:?name the image of slipway by its digest}"
image=$(echo "$IMAGE" | sed 's|:[^:/@]*@|@|') # kpt refuses a tag beside a digest
results=$(mktemp -d)
echo "results: $results"
kpt fn eval --image "$image" --results-dir "$results"
