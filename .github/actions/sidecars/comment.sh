#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# comment.sh DIFF: one comment of the pull request $NUMBER says what its manifests lack. It is found again by its first line, and
# edited; where nothing was ever wrong there is none.
set -euo pipefail

mark='<!-- slipway: sidecars -->'
comments="repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments"
old=$(gh api --paginate "$comments" --jq ".[] | select(.body | startswith(\"$mark\")) | .id")
old=${old%%$'\n'*}
if [ ! -s "$1" ] && [ -z "$old" ]; then
	exit 0
fi

body=$(mktemp)
trap 'rm -f "$body"' EXIT
echo "$mark" > "$body"
if [ -s "$1" ]; then
	# GitHub takes 65,536 characters; the log has the rest.
	{
		printf 'These manifests do not carry their sidecars yet. `slipway render --in-place` puts them in.\n\n~~~~~~diff\n'
		head -c 60000 "$1"
		printf '\n~~~~~~\n'
	} >> "$body"
	[ "$(wc -c < "$1")" -le 60000 ] || echo 'It goes on in the log.' >> "$body"
else
	echo 'All manifests carry their sidecars.' >> "$body"
fi

if [ -n "$old" ]; then
	gh api --silent -X PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$old" -F "body=@$body"
else
	gh api --silent "$comments" -F "body=@$body"
fi
