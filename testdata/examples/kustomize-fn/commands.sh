# Rewrites the files of this folder.
set -eu
kustomize fn run . --enable-exec
