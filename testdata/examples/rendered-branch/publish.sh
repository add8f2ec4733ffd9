# In CI, on the main branch: renders into a checkout of the branch that is deployed, one file an object, and commits what
# has changed. Files that slipway has written before and that are rendered no more go; others, such as a README, stay.
set -eu
# What an earlier run left behind that was killed goes; so does the checkout, whatever happens.
git worktree remove --force ../rendered 2>/dev/null || git worktree prune
git worktree add ../rendered env/prod
trap 'git worktree remove --force ../rendered' EXIT
slipway render base -s sidecars -o ../rendered/shop
grep -rq --include='*.yaml' '^kind:' ../rendered/shop || { echo "base renders to nothing" >&2; exit 1; }
git -C ../rendered add -A shop
git -C ../rendered diff --cached --quiet || git -C ../rendered commit -q -m "shop: render $(git rev-parse --short HEAD)"
