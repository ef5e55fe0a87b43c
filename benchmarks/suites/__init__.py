"""A file here is a benchmark: `measure(context)` yields measurements, `summarise(measurements)` gives what the README
quotes, and `TARGETS`, where there is one, holds the most that a number of the summary may be."""
