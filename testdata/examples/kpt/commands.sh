# Rewrites the files of this folder, and says in results/ what was found.
kpt fn render --allow-exec --results-dir results
