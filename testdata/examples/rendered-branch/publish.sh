# In CI, on the main branch: renders into a checkout of the branch that is deployed, one file an object, and commits what
# has changed. Files that slipway has written before and that are rendered no more go; others, such as a README, stay.
git worktree add ../rendered env/prod
slipway render base -s sidecars -o ../rendered/shop
git -C ../rendered add -A shop
git -C ../rendered diff --cached --quiet || git -C ../rendered commit -q -m "shop: render $(git rev-parse --short HEAD)"
git worktree remove ../rendered
