"""Speed, as ratios against a peer or a lower limit in the same run."""
