// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// What a check has where the plan says nothing.
const (
	defaultInterval          = time.Minute
	defaultTimeout           = 10 * time.Second
	defaultJobTimeout        = 10 * time.Minute
	defaultJobKeep           = 24 * time.Hour
	defaultInconclusiveLimit = 3
)

func readChecks(v value) []Check {
	var checks []Check
	for _, item := range v.items() {
		c := readCheck(item)
		if c.Name != "" && slices.ContainsFunc(checks, func(o Check) bool { return o.Name == c.Name }) {
			item.get("name").fail("%q is the name of a check above", c.Name)
		}
		checks = append(checks, c)
	}
	return checks
}

func readCheck(item value) Check {
	item.mapping("name", "prometheus", "http", "job", "pods", "interval", "count", "failureLimit", "inconclusiveLimit",
		"initialDelay", "timeout", "dryRun", "during")
	c := Check{
		Name:              item.get("name").Text(),
		Interval:          item.get("interval").duration(defaultInterval),
		Count:             item.get("count").number(1, 1, 10_000),
		FailureLimit:      item.get("failureLimit").number(0, 0, 10_000),
		InconclusiveLimit: item.get("inconclusiveLimit").number(defaultInconclusiveLimit, 0, 10_000),
		InitialDelay:      item.get("initialDelay").duration(0),
		DryRun:            item.get("dryRun").Bool(),
		During:            item.get("during").Bool(),
	}
	if name := item.get("name"); !name.Present() || c.Name == "" {
		name.fail("is missing")
	} else if !checkName().MatchString(c.Name) {
		name.fail("%q is not a name: write lower-case letters, digits and -, at most 63, such as error-rate", c.Name)
	}
	readSource(item, &c)
	fallback := defaultTimeout
	if c.Job != nil {
		fallback = defaultJobTimeout
	}
	c.Timeout = item.get("timeout").duration(fallback)
	return c
}

func checkName() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`) }

// readSource reads the one question that a check asks.
func readSource(item value, c *Check) {
	var asked []string
	for _, kind := range []string{"prometheus", "http", "job", "pods"} {
		if item.get(kind).Present() {
			asked = append(asked, kind)
		}
	}
	if len(asked) == 0 {
		item.fail("asks nothing: write one of prometheus, http, job, pods")
		return
	}
	if len(asked) > 1 {
		item.get(asked[1]).fail("a check asks one thing, and this one has %s already: write a second check", asked[0])
		return
	}
	v := item.get(asked[0])
	switch asked[0] {
	case "prometheus":
		c.Prometheus = readPrometheus(v)
	case "http":
		c.HTTP = readHTTP(v)
	case "job":
		c.Job = readJob(v)
		if c.During {
			item.get("during").fail("a Job runs when the batch is ready: take during out")
		}
	case "pods":
		c.Pods = readPodsCheck(v)
	}
}

func readPrometheus(v value) *Prometheus {
	p := &Prometheus{}
	if !v.mapping("address", "query", "min", "max", "headers", "bearerToken", "ca") {
		return p
	}
	p.Address = v.get("address").webAddress("http://prometheus:9090")
	if p.Query = v.get("query").Text(); p.Query == "" {
		v.get("query").fail("is missing")
	}
	p.Range, p.Access = readRange(v), readAccess(v)
	if !v.get("min").Present() && !v.get("max").Present() {
		v.fail("has neither min nor max, so it could never fail: set one")
	}
	return p
}

func readHTTP(v value) *HTTP {
	h := &HTTP{}
	if !v.mapping("url", "method", "status", "jsonPath", "equals", "min", "max", "headers", "bearerToken", "ca") {
		return h
	}
	h.URL = v.get("url").webAddress("https://shop.example.com/healthz")
	h.Method = v.get("method").oneOf("GET", "HEAD", "POST")
	h.Status = readStatus(v.get("status"))
	h.JSONPath, h.Range, h.Access = v.get("jsonPath").Text(), readRange(v), readAccess(v)
	if equals := v.get("equals"); equals.Present() {
		text, _ := equals.Scalar("text, a number, true or false", yaml.NodeTagString, yaml.NodeTagInt, yaml.NodeTagFloat,
			yaml.NodeTagBool)
		h.Equals = &text
	}
	limited := h.Equals != nil || v.get("min").Present() || v.get("max").Present()
	switch {
	case h.JSONPath == "" && limited:
		v.fail("has equals, min or max but no jsonPath that finds the value in the answer: write one, such as \"{.errors}\"")
	case h.JSONPath != "" && !limited:
		v.get("jsonPath").fail("finds a value that nothing is expected of: write equals, min or max")
	case h.JSONPath != "" && h.Method == "HEAD":
		v.get("method").fail("HEAD has no answer to find a value in: write GET")
	case h.Equals != nil && (h.Min != nil || h.Max != nil):
		v.get("equals").fail("a value is either equal to something or within min and max: take one out")
	}
	return h
}

func readStatus(v value) []int {
	items := v.items()
	if len(items) == 0 {
		if v.Present() {
			v.fail("is empty, so no answer would be right: write [200], or leave it out")
		}
		return []int{200}
	}
	codes := make([]int, len(items))
	for i, item := range items {
		codes[i] = item.number(200, 100, 599)
	}
	return codes
}

func readJob(v value) *JobCheck {
	j := &JobCheck{}
	if !v.mapping("template", "keep") {
		return j
	}
	j.Keep = v.get("keep").duration(defaultJobKeep)
	template := v.get("template")
	if !template.mapping("metadata", "spec") {
		if !template.Present() {
			template.fail("is missing: write metadata and spec of a Job, as in a CronJob's jobTemplate")
		}
		return j
	}
	template.get("metadata").mapping("labels", "annotations")
	pod := template.get("spec").get("template").get("spec")
	if len(pod.get("containers").items()) == 0 {
		pod.get("containers").fail("is missing: a Job needs a container")
	}
	switch restart := pod.get("restartPolicy"); restart.Text() {
	case "Never", "OnFailure":
	default:
		restart.fail("must be Never or OnFailure, as in every Job")
	}
	j.Template, _ = template.decode().(map[string]any)
	return j
}

func readPodsCheck(v value) *PodsCheck {
	p := &PodsCheck{}
	if !v.mapping("maxRestarts", "maxNotReady", "events") {
		return p
	}
	for name, field := range map[string]**int{"maxRestarts": &p.MaxRestarts, "maxNotReady": &p.MaxNotReady} {
		if limit := v.get(name); limit.Present() {
			n := limit.number(0, 0, 1_000_000)
			*field = &n
		}
	}
	for _, item := range v.get("events").items() {
		reason := item.Text()
		if reason == "" {
			item.fail("is empty: write the reason of an Event, such as BackOff")
		}
		p.Events = append(p.Events, reason)
	}
	if p.MaxRestarts == nil && p.MaxNotReady == nil && len(p.Events) == 0 {
		v.fail("looks at nothing: write maxRestarts, maxNotReady or events")
	}
	return p
}

func readRange(v value) Range {
	r := Range{Min: v.get("min").limit(), Max: v.get("max").limit()}
	if r.Min != nil && r.Max != nil && *r.Min > *r.Max {
		v.fail("min %g is above max %g, so it could never pass", *r.Min, *r.Max)
	}
	return r
}

func readAccess(v value) Access {
	a := Access{BearerToken: readSecretHolder(v.get("bearerToken")), CA: readSecretHolder(v.get("ca"))}
	for _, item := range v.get("headers").items() {
		item.mapping("name", "value", "secretRef")
		h := Header{Name: item.get("name").Text(), Value: item.get("value").Text(), Secret: readSecretRef(item.get("secretRef"))}
		secret := slices.Contains([]string{"authorization", "proxy-authorization", "cookie"}, strings.ToLower(h.Name))
		switch {
		case !headerName().MatchString(h.Name):
			item.get("name").fail("%q is not the name of a header, such as X-Scope-OrgID", h.Name)
		case h.Secret != nil && item.get("value").Present():
			item.get("value").fail("the header has a secretRef too: take one out")
		case h.Secret == nil && secret:
			item.fail("%s must not stand in a plan: write secretRef: {name: SECRET, key: KEY}", h.Name)
		case h.Secret == nil && h.Value == "":
			item.fail("has neither value nor secretRef")
		case strings.ContainsAny(h.Value, "\r\n\x00"):
			item.get("value").fail("has more than one line")
		}
		a.Headers = append(a.Headers, h)
	}
	return a
}

func headerName() *regexp.Regexp { return regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$") }

// readSecretHolder reads {secretRef: {name: SECRET, key: KEY}}, the one form in which a secret may be given.
func readSecretHolder(v value) *SecretRef {
	if !v.Present() {
		return nil
	}
	if v.mapping("secretRef") && !v.get("secretRef").Present() {
		v.get("secretRef").fail("is missing: write {name: SECRET, key: KEY}")
	}
	return readSecretRef(v.get("secretRef"))
}

func readSecretRef(v value) *SecretRef {
	if !v.mapping("name", "key") {
		return nil
	}
	ref := &SecretRef{Name: v.get("name").Text(), Key: v.get("key").Text()}
	if len(validation.IsDNS1123Subdomain(ref.Name)) > 0 {
		v.get("name").fail("%q is not the name of a Secret", ref.Name)
	}
	if !secretKey().MatchString(ref.Key) || strings.HasPrefix(ref.Key, "..") || ref.Key == "." {
		v.get("key").fail("%q is not a key of a Secret", ref.Key)
	}
	return ref
}

func secretKey() *regexp.Regexp { return regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`) }

// webAddress is a URL of a web server without a password in it.
func (v value) webAddress(example string) string {
	s := v.Text()
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		v.fail("%q is not a URL such as %s", s, example)
	case u.User != nil:
		v.fail("has a user or password in it, which must not stand in a plan: write headers with a secretRef")
	}
	return s
}

// refuseUnused refuses checks that no batch names: nobody would notice that they are never measured.
func refuseUnused(v value, p BatchPlan) {
	used := map[string]bool{}
	for _, b := range p.Batches {
		for _, name := range b.Checks {
			used[name] = true
		}
	}
	for i, item := range v.items() {
		if name := p.Checks[i].Name; name != "" && !used[name] {
			item.get("name").fail("%q is named by no batch, so it would never be measured: write it into spec.batches[].checks", name)
		}
	}
}

// validateChecks holds checks against the CloneSet: a Job's pods must not be taken for the CloneSet's own.
func validateChecks(p BatchPlan, cs Workload) error {
	for i, c := range p.Checks {
		if c.Job == nil || len(cs.Spec.Selector.Labels)+len(cs.Spec.Selector.Expressions) == 0 {
			continue
		}
		if cs.Spec.Selector.Matches(c.Job.podLabels()) {
			return mistake("spec.checks["+strconv.Itoa(i)+"].job.template.spec.template.metadata.labels",
				"are those that CloneSet %s selects its pods by, so it would take the Job's pods for its own: use others", cs.Name)
		}
	}
	return nil
}

// limit is a finite number, or nil where it is absent.
func (v value) limit() *float64 {
	const want = "a finite number"
	s, ok := v.Scalar(want, yaml.NodeTagInt, yaml.NodeTagFloat)
	if !ok {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		v.Mismatch(want)
		return nil
	}
	return &f
}
