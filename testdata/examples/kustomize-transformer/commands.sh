set -eu
kustomize build --enable-alpha-plugins --enable-exec .
