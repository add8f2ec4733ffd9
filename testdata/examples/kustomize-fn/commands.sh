# Rewrites the files of this folder.
kustomize fn run . --enable-exec
