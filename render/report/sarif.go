// SPDX-License-Identifier: Apache-2.0

package report

import (
	"net/url"
	"path/filepath"
	"slices"

	"github.com/slipway-dev/slipway/fn/manifest"
)

// The few parts of SARIF 2.1.0 that code review tools read.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID string `json:"id"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifMessage    `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
)

// sarifOf turns findings into one run of SARIF.
func sarifOf(findings []manifest.Finding) sarifLog {
	driver := sarifDriver{Name: "slipway", InformationURI: "https://github.com/slipway-dev/slipway", Rules: []sarifRule{}}
	results := []sarifResult{}
	for _, f := range findings {
		i := slices.Index(driver.Rules, sarifRule{f.Code})
		if i < 0 {
			i = len(driver.Rules)
			driver.Rules = append(driver.Rules, sarifRule{f.Code})
		}
		results = append(results, sarifResult{
			RuleID: f.Code, RuleIndex: i, Level: sarifLevel(f.Severity),
			Message: sarifMessage{sarifText(f)}, Locations: []sarifLocation{sarifPlace(f)},
		})
	}
	return sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0",
		Runs: []sarifRun{{Tool: sarifTool{driver}, Results: results}},
	}
}

func sarifText(f manifest.Finding) string {
	f.Source = manifest.Source{} // the location says it
	return f.String()
}

func sarifLevel(s manifest.Severity) string {
	if s == manifest.SeverityInfo {
		return "note"
	}
	return string(s)
}

func sarifPlace(f manifest.Finding) sarifLocation {
	var l sarifLocation
	if f.Source.File != "" {
		l.Physical = &sarifPhysical{Artifact: sarifArtifact{reference(f.Source.File)}}
		if f.Source.Line > 0 {
			l.Physical.Region = &sarifRegion{f.Source.Line}
		}
	}
	if name := f.Object.String(); name != "" {
		if f.Field != "" {
			name += ": " + f.Field
		}
		l.Logical = []sarifLogical{{FullyQualifiedName: name, Kind: "object"}}
	}
	return l
}

// reference is a path as the URI reference that SARIF asks for: a reader takes no space in it, and a % or # for more than that.
func reference(path string) string {
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.VolumeName(path) != "" { // of Windows: no drive is a scheme
		u.Scheme, u.Path = "file", "/"+u.Path
	}
	return u.String()
}
