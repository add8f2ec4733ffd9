// SPDX-License-Identifier: Apache-2.0

package plan

import "testing"

func TestRounding(t *testing.T) {
	for _, c := range []struct {
		text                          string
		replicas                      int
		up, down, partition, complete int
	}{
		{"20%", 5, 1, 1, 1, 1},
		{"10%", 5, 1, 0, 1, 1},
		{"50%", 5, 3, 2, 3, 2},
		{"99%", 5, 5, 4, 4, 4},
		{"100%", 5, 5, 5, 5, 5},
		{"99%", 1, 1, 0, 1, 0},
		{"1%", 5, 1, 0, 1, 1},
		{"0%", 5, 0, 0, 0, 0},
		{"33.3%", 1000, 333, 333, 333, 333},
		{"0.1%", 1000, 1, 1, 1, 1},
		{"20%", 198, 40, 39, 40, 39},
		{"80%", 198, 159, 158, 159, 158},
		{"7", 5, 7, 7, 5, 5},
		{"0", 5, 0, 0, 0, 0},
	} {
		q, err := ParseQuantity(c.text)
		if err != nil {
			t.Fatal(err)
		}
		if q.String() != c.text {
			t.Errorf("%s is written as %s", c.text, q)
		}
		got := [4]int{q.Up(c.replicas), q.Down(c.replicas), q.Partition(c.replicas), q.Updated(c.replicas)}
		if want := [4]int{c.up, c.down, c.partition, c.complete}; got != want {
			t.Errorf("%s of %d: up, down, partition, updated are %v, want %v", c.text, c.replicas, got, want)
		}
	}
}

func TestABatchMovesWhatThePartitionOfTheRestWould(t *testing.T) {
	for replicas := range 300 {
		for p := range 101 {
			if got, want := Percent(p).Updated(replicas), replicas-Percent(100-p).Partition(replicas); got != want {
				t.Fatalf("%d%% of %d: %d, a partition of %d%% moves %d", p, replicas, got, 100-p, want)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	for _, c := range []struct {
		reason string
		spec   WorkloadSpec
		want   Bounds
		fails  bool
	}{
		{
			"maxUnavailable rounds up alone",
			WorkloadSpec{Replicas: 5, MaxUnavailable: Percent(10)},
			Bounds{Replicas: 5, MaxUnavailable: 1},
			false,
		},
		{
			"and down beside a surge",
			WorkloadSpec{Replicas: 5, MaxUnavailable: Percent(10), MaxSurge: Percent(10)},
			Bounds{Replicas: 5, MaxSurge: 1},
			false,
		},
		{
			"a partition above the replicas is all of them",
			WorkloadSpec{Replicas: 5, Partition: Pods(9), MaxUnavailable: Pods(1)},
			Bounds{Replicas: 5, Partition: 5, MaxUnavailable: 1},
			false,
		},
		{"nothing may move", WorkloadSpec{Replicas: 5}, Bounds{Replicas: 5}, true},
		{"nothing has to move", WorkloadSpec{}, Bounds{}, false},
		{
			"in place only, yet a surge",
			WorkloadSpec{Replicas: 5, MaxSurge: Pods(1), UpdateType: InPlaceOnly},
			Bounds{Replicas: 5, MaxSurge: 1},
			true,
		},
	} {
		got, err := c.spec.Bounds()
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %+v %v, want %+v", c.reason, got, err, c.want)
		}
	}
}
