"""Looking at rewards: pages, comparisons, data checks, the steps of a verdict."""
