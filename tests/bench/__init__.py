"""Benchmarks: the durable bridge beside a naive one, as ratios within one interleaved run."""
