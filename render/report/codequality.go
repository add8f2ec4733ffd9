// SPDX-License-Identifier: Apache-2.0

package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// The parts of the Code Climate format that GitLab reads: a list of issues, each with all of these fields.
type (
	qualityIssue struct {
		Description string       `json:"description"`
		CheckName   string       `json:"check_name"`
		Fingerprint string       `json:"fingerprint"`
		Severity    string       `json:"severity"`
		Location    qualityPlace `json:"location"`
	}
	qualityPlace struct {
		Path  string       `json:"path"`
		Lines qualityLines `json:"lines"`
	}
	qualityLines struct {
		Begin int `json:"begin"`
	}
)

// issuesOf turns findings into issues. The fingerprint tells GitLab which issues of two commits are one: lines move, so they
// do not count, and equal findings of a file are told apart by their number.
func issuesOf(findings []manifest.Finding) []qualityIssue {
	issues := []qualityIssue{}
	seen := map[string]int{}
	for _, f := range findings {
		place := qualityPlace{filepath.ToSlash(filepath.Clean(f.Source.File)), qualityLines{max(f.Source.Line, 1)}}
		what := fmt.Sprintf("%q %q %q", f.Code, place.Path, sarifText(f))
		seen[what]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, seen[what]))
		issues = append(issues, qualityIssue{
			Description: sarifText(f), CheckName: f.Code, Severity: qualitySeverity(f.Severity), Location: place,
			Fingerprint: hex.EncodeToString(sum[:16]),
		})
	}
	return issues
}

func qualitySeverity(s manifest.Severity) string {
	switch s {
	case manifest.SeverityError:
		return "major"
	case manifest.SeverityWarning:
		return "minor"
	default:
		return "info"
	}
}
