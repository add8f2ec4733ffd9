// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/rollout/agent/agenttest"
	"github.com/slipway-dev/slipway/rollout/kube/kubetest"
)

// watcher sees every state of the pods that the API server tells of, and checks the invariants after each. It shares no
// code with the agent.
type watcher struct {
	replicas, surge, unavailable int
	partition                    int
	released                     string // image of the released revision

	mu      sync.Mutex
	pods    map[string]*seenPod
	touched map[string]int  // by UID: changes of the image
	deleted map[string]int  // by UID
	gone    int             // pods of the released revision that were deleted, guests left out
	stay    map[string]bool // UIDs of the pods that an in-place release has to keep (I9); nil: it replaces pods
	left    int             // of these, the ones that were deleted
	events  int
	broken  []string
	seen    []string // what the events said, for who has to find out why something broke
}

type seenPod struct {
	uid, image         string
	ready, dead, guest bool
}

// keepsPods has the watcher hold that every pod that is there now stays: the release is in place, and none of them fails.
func (c *watcher) keepsPods() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stay = map[string]bool{}
	for _, p := range c.pods {
		c.stay[p.uid] = true
	}
}

// watchPods begins to check. The CloneSet must have all its pods available.
func (w *world) watchPods(replicas, surge, unavailable, partition int, tag string) *watcher {
	w.t.Helper()
	c := &watcher{
		replicas: replicas, surge: surge, unavailable: unavailable, partition: partition, released: "example.com/app:" + tag,
		pods: map[string]*seenPod{}, touched: map[string]int{}, deleted: map[string]int{},
	}
	w.watch(w.Path("pods"), c.saw)
	return c
}

// watch gives saw the objects at a path, as LISTED, and then each event of them, until the test ends. A watch that ends before
// it fails the test, which would hold no more of what happens.
func (w *world) watch(path string, saw func(what string, o map[string]any)) {
	w.t.Helper()
	list := w.Get(w.t, path)
	for _, item := range kubetest.Field(list, "items").([]any) {
		saw("LISTED", item.(map[string]any))
	}
	at, _ := kubetest.Field(list, "metadata", "resourceVersion").(string)
	settings := agenttest.Config(w.t, w.Client)
	client, err := rest.HTTPClientFor(settings)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, settings.Host+path+"?watch=1&resourceVersion="+at, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for d := json.NewDecoder(resp.Body); ; {
			var e struct {
				Type   string
				Object map[string]any
			}
			if err := d.Decode(&e); err != nil {
				if ctx.Err() == nil {
					w.t.Errorf("the watch of %s has ended: %v", path, err)
				}
				return
			}
			saw(e.Type, e.Object)
		}
	}()
	w.t.Cleanup(func() { cancel(); <-done; _ = resp.Body.Close() })
}

// saw takes a pod as it was found, or an event of one, which is held against what may happen.
func (c *watcher) saw(what string, o map[string]any) {
	if what == "LISTED" {
		c.put(o)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events++
	name, _ := kubetest.Field(o, "metadata", "name").(string)
	if what == "DELETED" {
		if p := c.pods[name]; p != nil && !p.dead {
			c.lose(p)
		}
		delete(c.pods, name)
	} else {
		c.put(o)
	}
	c.remember(what, o)
	c.check(fmt.Sprintf("after %s %s", what, name))
}

func (c *watcher) put(o map[string]any) {
	name, _ := kubetest.Field(o, "metadata", "name").(string)
	p := &seenPod{}
	p.uid, _ = kubetest.Field(o, "metadata", "uid").(string)
	p.image, _ = kubetest.Field(o, "spec", "containers", 0, "image").(string)
	phase := kubetest.Field(o, "status", "phase")
	p.dead = kubetest.Field(o, "metadata", "deletionTimestamp") != nil || phase == "Failed" || phase == "Succeeded"
	p.guest = kubetest.Field(o, "metadata", "labels", "slipway.dev/guest") == "true"
	p.ready = !p.dead && kubetest.Condition(o, "Ready") == "True" && kubetest.Condition(o, "InPlaceUpdateReady") != "False"
	if old := c.pods[name]; old != nil && old.uid == p.uid {
		if old.image != p.image {
			c.touched[p.uid]++
		}
		if p.dead && !old.dead {
			c.lose(old)
		}
	}
	c.pods[name] = p
}

// remember keeps one line of an event.
func (c *watcher) remember(kind string, o map[string]any) {
	meta := kubetest.Field(o, "metadata")
	line := fmt.Sprintf("%d %s %v, uid %v, at %v", c.events, kind, kubetest.Field(meta, "name"), kubetest.Field(meta, "uid"),
		kubetest.Field(meta, "resourceVersion"))
	if name, _ := kubetest.Field(meta, "name").(string); c.pods[name] != nil {
		line += fmt.Sprintf(": %+v", *c.pods[name])
	}
	c.seen = append(c.seen, line)
}

func (c *watcher) lose(p *seenPod) {
	c.deleted[p.uid]++
	if p.image == c.released && !p.guest {
		c.gone++
	}
	if c.stay[p.uid] {
		c.left++
	}
}

func (c *watcher) check(when string) {
	total, available, old := 0, 0, 0
	for _, p := range c.pods {
		if p.dead {
			continue
		}
		total++
		if p.ready {
			available++
		}
		if p.image != c.released {
			old++
		}
	}
	fail := func(format string, args ...any) {
		c.broken = append(c.broken, fmt.Sprintf("event %d, %s: ", c.events, when)+fmt.Sprintf(format, args...))
	}
	if total > c.replicas+c.surge {
		fail("I1: %d pods, at most %d", total, c.replicas+c.surge)
	}
	if available < c.replicas-c.unavailable {
		fail("I2: %d available, at least %d", available, c.replicas-c.unavailable)
	}
	if old < min(c.partition, c.replicas) {
		fail("I3: %d old pods, at least %d", old, c.partition)
	}
	if total < c.replicas-c.unavailable {
		fail("I4: %d pods, at least %d", total, c.replicas-c.unavailable)
	}
	for uid, n := range c.touched {
		if n > 1 {
			fail("I6: pod %s was updated %d times", uid, n)
		}
	}
	if c.gone > 0 {
		fail("I6: an updated pod was deleted")
	}
	if c.left > 0 {
		fail("I9: %d pods that were there before an in-place release were deleted", c.left)
	}
}

// verify waits until the watch has shown what is there now, and reports what was broken on the way.
func (c *watcher) verify(t *testing.T, w *world) {
	t.Helper()
	kubetest.Eventually(t, "the watch shows the present pods", func() (bool, string) {
		list := w.Get(t, w.Path("pods"))
		c.mu.Lock()
		defer c.mu.Unlock()
		var seen, there []string
		for _, item := range kubetest.Field(list, "items").([]any) {
			name := kubetest.Field(item, "metadata", "name").(string)
			there = append(there, name)
			if c.pods[name] != nil {
				seen = append(seen, name)
			}
		}
		return len(seen) == len(there) && len(c.pods) == len(there), fmt.Sprint(seen, there)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.broken) > 0 {
		t.Errorf("%d invariants broken in %d events:\n%s\nthe events:\n%s\nthe writes on pods:\n%s", len(c.broken), c.events,
			strings.Join(c.broken[:min(5, len(c.broken))], "\n"), strings.Join(c.seen, "\n"), w.podHistory())
	}
}

// podHistory is who wrote which pod, as the API server has it.
func (w *world) podHistory() string {
	w.t.Helper()
	var lines strings.Builder
	for _, r := range w.Requests(w.t, w.namespace).Writes() {
		if r.Resource == "pods" {
			agent, _, _ := strings.Cut(r.UserAgent, " ")
			fmt.Fprintf(&lines, "%s %s: %s %s/%s: %d, uid %v\n", r.Received.Format("05.000000"), agent, r.Verb, r.Name, r.Subresource,
				r.Code, answered(r))
		}
	}
	return lines.String()
}

// answered is the UID of the object that a write left or deleted.
func answered(r kubetest.Request) any {
	var object map[string]any
	_ = json.Unmarshal(r.Answer, &object) // an answer may be of no object
	return kubetest.Field(object, "metadata", "uid")
}

// end is what a release leaves behind, with what differs from run to run taken out.
func (w *world) end(replicas int) string {
	w.t.Helper()
	var b bytes.Buffer
	updated := 0
	for _, p := range kubetest.Field(w.Get(w.t, w.Path("pods")), "items").([]any) {
		if kubetest.Field(p, "metadata", "deletionTimestamp") != nil {
			continue
		}
		if kubetest.Field(p, "spec", "containers", 0, "image") == "example.com/app:v2" &&
			kubetest.Condition(p.(map[string]any), "Ready") == "True" {
			updated++
		} else {
			fmt.Fprintf(&b, "pod %v is not updated or not ready; ", kubetest.Field(p, "metadata", "name"))
		}
	}
	fmt.Fprintf(&b, "%d of %d updated; row %s", updated, replicas, w.Row())
	for _, kind := range []string{"controllerrevisions", "leases", "persistentvolumeclaims"} {
		fmt.Fprintf(&b, "; %d %s", len(kubetest.Field(w.Get(w.t, w.Path(kind)), "items").([]any)), kind)
	}
	return b.String()
}
